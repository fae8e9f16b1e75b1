/**
 * The part of onnxruntime's C API that the engine uses, called through koffi. The only file that knows an index of its
 * function table (`OrtApi` in onnxruntime_c_api.h; the table only grows, so an index never changes its meaning).
 * Why not the Node binding: docs/decisions/0002-onnxruntime-c-api-through-koffi.md.
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';

/** Address of an object that onnxruntime owns. */
export type Handle = bigint;

const API_VERSION = 20;
const PATH = process.platform === 'win32' ? 'str16' : 'str';
const FUNCTIONS = {
  createStatus: [0, 'void *', ['int', 'str']],
  getErrorMessage: [2, 'str', ['void *']],
  createEnv: [3, 'void *', ['int', 'str', 'void *']],
  createSession: [7, 'void *', ['void *', PATH, 'void *', 'void *']],
  run: [9, 'void *', ['void *', 'void *', 'void *', 'void *', 'size_t', 'void *', 'size_t', 'void *']],
  createSessionOptions: [10, 'void *', ['void *']],
  setIntraOpNumThreads: [24, 'void *', ['void *', 'int']],
  sessionGetInputCount: [30, 'void *', ['void *', 'void *']],
  createTensorWithData: [49, 'void *', ['void *', 'void *', 'size_t', 'void *', 'size_t', 'int', 'void *']],
  getTensorMutableData: [51, 'void *', ['void *', 'void *']],
  getDimensionsCount: [61, 'void *', ['void *', 'void *']],
  getDimensions: [62, 'void *', ['void *', 'void *', 'size_t']],
  getTensorTypeAndShape: [65, 'void *', ['void *', 'void *']],
  createCpuMemoryInfo: [69, 'void *', ['int', 'int', 'void *']],
  releaseStatus: [93, 'void', ['void *']],
  releaseValue: [96, 'void', ['void *']],
  releaseTensorTypeAndShape: [99, 'void', ['void *']],
  releaseSessionOptions: [100, 'void', ['void *']],
  addSessionConfigEntry: [130, 'void *', ['void *', 'str', 'str']],
} as const;
const TABLE_LENGTH = 131;

const ELEMENT_TYPE = { Float32Array: 1, Int32Array: 6, BigInt64Array: 7 } as const;
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;
const LOG_ERRORS_ONLY = 3;

type Calls = Readonly<Record<keyof typeof FUNCTIONS, (...args: unknown[]) => unknown>>;

export type TensorData = Float32Array | Int32Array | BigInt64Array;

export interface SessionOptions {
  readonly threads: number;
  /** How long idle worker threads spin before they sleep; 0 = they sleep at once. */
  readonly spinUs: number;
}

/** Names in the form that `run` takes: made once, because converting 400 strings costs more than a small layer. */
export interface NameList {
  readonly length: number;
  readonly pointers: BigUint64Array;
  readonly bytes: Uint8Array;
}

/** Loads the library that the package onnxruntime-node ships and checks that its function table is as expected. */
export class OnnxRuntime {
  readonly #call: Calls;
  readonly #environment: Handle;
  readonly #memory: Handle;
  readonly #out = new BigUint64Array(1);

  constructor() {
    const [getApi] = koffi.decode(loadLibrary().func('void *OrtGetApiBase()')(), 'void *', 1) as [Handle];
    const api = koffi.decode(getApi, koffi.proto('void *', ['uint32_t']))(API_VERSION) as Handle | null;
    if (!api) throw new Error(`onnxruntime does not offer version ${API_VERSION} of its C API`);
    const table = koffi.decode(api, 'void *', TABLE_LENGTH) as Handle[];
    this.#call = Object.fromEntries(
      Object.entries(FUNCTIONS).map(([name, [index, result, parameters]]) => [
        name,
        koffi.decode(table[index], koffi.proto(result, [...parameters])),
      ]),
    ) as Calls;
    this.#environment = this.#create((out) => this.#call.createEnv(LOG_ERRORS_ONLY, 'switchyard', out));
    this.#memory = this.#create((out) => this.#call.createCpuMemoryInfo(DEVICE_ALLOCATOR, DEFAULT_MEMORY, out));
    this.#selfCheck();
  }

  createSession(file: string, { threads, spinUs }: SessionOptions): Handle {
    const options = this.#create((out) => this.#call.createSessionOptions(out));
    try {
      this.#check(this.#call.setIntraOpNumThreads(options, threads));
      const spin =
        spinUs === 0 ? ['session.intra_op.allow_spinning', '0'] : ['session.intra_op.spin_duration_us', String(spinUs)];
      this.#check(this.#call.addSessionConfigEntry(options, ...spin));
      return this.#create((out) => this.#call.createSession(this.#environment, file, options, out));
    } finally {
      this.#call.releaseSessionOptions(options);
    }
  }

  inputCount(session: Handle): number {
    return Number(this.#create((out) => this.#call.sessionGetInputCount(session, out)));
  }

  /** A tensor over `data` itself, no copy: the caller keeps `data` alive for as long as the tensor is used. */
  createTensor(data: TensorData, dims: readonly number[]): Handle {
    const type = ELEMENT_TYPE[data.constructor.name as keyof typeof ELEMENT_TYPE];
    const shape = BigInt64Array.from(dims, BigInt);
    return this.#create((out) =>
      this.#call.createTensorWithData(this.#memory, data, data.byteLength, shape, dims.length, type, out),
    );
  }

  releaseTensor(tensor: Handle): void {
    this.#call.releaseValue(tensor);
  }

  /** Blocks until the outputs are written. `inputs` and `outputs` hold tensors in the order of their names. */
  run(
    session: Handle,
    inputNames: NameList,
    inputs: BigUint64Array,
    outputNames: NameList,
    outputs: BigUint64Array,
  ): void {
    this.#check(
      this.#call.run(
        session,
        null,
        inputNames.pointers,
        inputs,
        inputNames.length,
        outputNames.pointers,
        outputNames.length,
        outputs,
      ),
    );
  }

  #create(make: (out: BigUint64Array) => unknown): Handle {
    this.#check(make(this.#out));
    return this.#out[0]!;
  }

  #check(status: unknown): void {
    if (!status) return;
    const message = String(this.#call.getErrorMessage(status));
    this.#call.releaseStatus(status);
    throw new Error(`onnxruntime: ${message}`);
  }

  /** Calls that cannot do harm, each with a known answer: a table that is not the expected one is found here. */
  #selfCheck(): void {
    const status = this.#call.createStatus(1, 'probe');
    const message = this.#call.getErrorMessage(status);
    this.#call.releaseStatus(status);
    const data = new Float32Array(6);
    const tensor = this.createTensor(data, [2, 3]);
    const address = this.#create((out) => this.#call.getTensorMutableData(tensor, out));
    const info = this.#create((out) => this.#call.getTensorTypeAndShape(tensor, out));
    const rank = this.#create((out) => this.#call.getDimensionsCount(info, out));
    const dims = new BigInt64Array(2);
    this.#check(this.#call.getDimensions(info, dims, 2));
    this.#call.releaseTensorTypeAndShape(info);
    this.releaseTensor(tensor);
    const same = message === 'probe' && address === koffi.address(data) && rank === 2n && `${dims}` === '2,3';
    if (!same) throw new Error('onnxruntime has an unexpected function table; reinstall onnxruntime-node');
  }
}

export function nameList(names: readonly string[]): NameList {
  const bytes = new TextEncoder().encode(names.map((name) => `${name}\0`).join(''));
  const pointers = new BigUint64Array(names.length);
  const start = koffi.address(bytes);
  let offset = 0;
  names.forEach((name, i) => {
    pointers[i] = start + BigInt(offset);
    offset += Buffer.byteLength(name) + 1;
  });
  return { length: names.length, pointers, bytes };
}

/** koffi unloads a library when its handle is collected, whatever is still called in it: this one is never let go. */
let library: LibraryHandle | null = null;

function loadLibrary(): LibraryHandle {
  library ??= koffi.load(libraryFile());
  return library;
}

function libraryFile(): string {
  const root = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const folder = path.join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const file = readdirSync(folder).find((name) => /^(lib)?onnxruntime(\.so\.\d+|[.\d]*\.dylib|\.dll)$/.test(name));
  if (!file) throw new Error(`no onnxruntime library in ${folder}; reinstall onnxruntime-node`);
  return path.join(folder, file);
}
