import protobuf from 'protobufjs';

/** Element types of ONNX tensors that we write (onnx.proto, TensorProto.DataType). */
export const DataType = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

/** onnx.proto's AttributeProto.AttributeType. */
export const AttributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** The part of onnx.proto (IR version 8) that our graphs use, and those that we read; field numbers are the format. */
const SOURCE = `
syntax = "proto3";
message ModelProto {
  int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8;
}
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message GraphProto {
  repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message NodeProto {
  repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
  repeated AttributeProto attribute = 5; string domain = 7;
}
message AttributeProto {
  string name = 1; float f = 2; int64 i = 3; bytes s = 4; repeated int64 ints = 8; int32 type = 20;
}
message TensorProto {
  repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; repeated int32 int32_data = 5;
  string name = 8; bytes raw_data = 9;
  repeated StringStringEntryProto external_data = 13; int32 data_location = 14;
}
message StringStringEntryProto { string key = 1; string value = 2; }
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message TypeProto { Tensor tensor_type = 1; message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; } }
message TensorShapeProto {
  repeated Dimension dim = 1;
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
}
`;

const ModelProto = protobuf.parse(SOURCE, { keepCase: true }).root.lookupType('ModelProto');

const IR_VERSION = 8;
const OPSET = 17;

/** Serializes a model: a plain object in the shape of GraphProto, over ONNX's operators and those of `domains`. */
export function encodeModel(graph: object, domains: readonly string[] = []): Uint8Array {
  const opsets = [{ domain: '', version: OPSET }, ...domains.map((domain) => ({ domain, version: 1 }))];
  const model = { ir_version: IR_VERSION, producer_name: 'switchyard', opset_import: opsets, graph };
  return ModelProto.encode(ModelProto.fromObject(model)).finish();
}

/** What is read of a model: its constants, and which of them each node takes. */
export interface DecodedGraph {
  readonly node: readonly { readonly name: string; readonly input: readonly string[] }[];
  readonly initializer: readonly {
    readonly name: string;
    readonly data_type: number;
    readonly dims: readonly unknown[];
    readonly raw_data: Uint8Array;
    readonly float_data: readonly number[];
    readonly int32_data: readonly number[];
    readonly external_data: readonly { readonly key: string; readonly value: string }[];
  }[];
}

/** @throws Error for bytes that are no ONNX model */
export function decodeGraph(bytes: Uint8Array): DecodedGraph {
  const { graph } = ModelProto.decode(bytes) as unknown as { readonly graph: DecodedGraph | null };
  if (!graph) throw new Error('it has no graph');
  return graph;
}
