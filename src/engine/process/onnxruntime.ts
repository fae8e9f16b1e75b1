/**
 * The part of onnxruntime's C API that the engine uses, called through koffi. The only file that knows an index of its
 * function table (`OrtApi` in onnxruntime_c_api.h; the table only grows, so an index never changes its meaning).
 * Why not the Node binding: docs/decisions/0002-onnxruntime-c-api-through-koffi.md.
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import type { Device } from './device/start.js';

/** Address of an object that onnxruntime owns. */
export type Handle = bigint;

const API_VERSION = 22;
const PATH = process.platform === 'win32' ? 'str16' : 'str';
const FUNCTIONS = {
  createStatus: [0, 'void *', ['int', 'str']],
  getErrorMessage: [2, 'str', ['void *']],
  createEnv: [3, 'void *', ['int', 'str', 'void *']],
  createSession: [7, 'void *', ['void *', PATH, 'void *', 'void *']],
  createSessionFromArray: [8, 'void *', ['void *', 'void *', 'size_t', 'void *', 'void *']],
  run: [9, 'void *', ['void *', 'void *', 'void *', 'void *', 'size_t', 'void *', 'size_t', 'void *']],
  createSessionOptions: [10, 'void *', ['void *']],
  setIntraOpNumThreads: [24, 'void *', ['void *', 'int']],
  sessionGetInputCount: [30, 'void *', ['void *', 'void *']],
  createTensor: [48, 'void *', ['void *', 'void *', 'size_t', 'int', 'void *']],
  createTensorWithData: [49, 'void *', ['void *', 'void *', 'size_t', 'void *', 'size_t', 'int', 'void *']],
  getTensorMutableData: [51, 'void *', ['void *', 'void *']],
  getDimensionsCount: [61, 'void *', ['void *', 'void *']],
  getDimensions: [62, 'void *', ['void *', 'void *', 'size_t']],
  getTensorTypeAndShape: [65, 'void *', ['void *', 'void *']],
  createMemoryInfo: [68, 'void *', ['str', 'int', 'int', 'int', 'void *']],
  createCpuMemoryInfo: [69, 'void *', ['int', 'int', 'void *']],
  releaseStatus: [93, 'void', ['void *']],
  releaseSession: [95, 'void', ['void *']],
  releaseValue: [96, 'void', ['void *']],
  releaseTensorTypeAndShape: [99, 'void', ['void *']],
  releaseSessionOptions: [100, 'void', ['void *']],
  addSessionConfigEntry: [130, 'void *', ['void *', 'str', 'str']],
  createAllocator: [131, 'void *', ['void *', 'void *', 'void *']],
  appendCuda: [204, 'void *', ['void *', 'void *']],
  createCudaOptions: [205, 'void *', ['void *']],
  releaseCudaOptions: [208, 'void', ['void *']],
  appendExecutionProvider: [216, 'void *', ['void *', 'str', 'void *', 'void *', 'size_t']],
  registerCustomOpsLibrary: [228, 'void *', ['void *', PATH]],
  getEpDevices: [303, 'void *', ['void *', 'void *', 'void *']],
  hardwareType: [307, 'int', ['void *']],
  hardwareVendor: [309, 'str', ['void *']],
  epDeviceHardware: [316, 'void *', ['void *']],
} as const;
const TABLE_LENGTH = 317;

/** Half floats are kept as their bits. */
const ELEMENT_TYPE = { Float32Array: 1, Int32Array: 6, BigInt64Array: 7, Uint16Array: 10 } as const;
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;
const HARDWARE_GPU = 1;
const DEVICE_MEMORY = { cpu: 'Cpu', cuda: 'Cuda', webgpu: 'WebGPU_Buf' } as const;
const LOG_ERRORS_ONLY = 3;

type Calls = Readonly<Record<keyof typeof FUNCTIONS, (...args: unknown[]) => unknown>>;

export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint16Array;

export interface SessionOptions {
  readonly threads: number;
  /** How long idle worker threads spin before they sleep; 0 = they sleep at once. */
  readonly spinUs: number;
  /** What runs the operators that it knows; the CPU runs the others. */
  readonly device?: Device;
  /** How many inputs the graph must have. */
  readonly inputs: number;
  /** A library of further operators, and the session settings that it reads. */
  readonly operators?: { readonly file: string; readonly settings: Readonly<Record<string, string>> };
}

/** Element type of memory on a device. */
export type DeviceElement = typeof Float32Array | typeof Uint16Array;

/** Memory of the device that a session runs on. */
export interface DeviceHeap {
  readonly memory: Handle;
  readonly allocator: Handle;
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

  /** Vendors of the GPUs that onnxruntime sees; software renderers are none. */
  gpus(): string[] {
    const count = new BigUint64Array(1);
    const list = this.#create((out) => this.#call.getEpDevices(this.#environment, out, count));
    const devices = koffi.decode(list, 'void *', Number(count[0])) as Handle[];
    const hardware = devices.map((device) => this.#call.epDeviceHardware(device));
    const gpus = hardware.filter((device) => this.#call.hardwareType(device) === HARDWARE_GPU);
    return [...new Set(gpus.map((device) => String(this.#call.hardwareVendor(device))))];
  }

  /** @param model a file, or the graph itself */
  createSession(
    model: string | Uint8Array,
    { threads, spinUs, device = 'cpu', inputs, operators }: SessionOptions,
  ): Handle {
    const options = this.#create((out) => this.#call.createSessionOptions(out));
    try {
      this.#check(this.#call.setIntraOpNumThreads(options, threads));
      const spin =
        spinUs === 0 ? ['session.intra_op.allow_spinning', '0'] : ['session.intra_op.spin_duration_us', String(spinUs)];
      this.#check(this.#call.addSessionConfigEntry(options, ...spin));
      if (operators) {
        for (const setting of Object.entries(operators.settings)) {
          this.#check(this.#call.addSessionConfigEntry(options, ...setting));
        }
        this.#check(this.#call.registerCustomOpsLibrary(options, operators.file));
      }
      this.#appendProvider(options, device);
      const session = this.#create((out) =>
        typeof model === 'string'
          ? this.#call.createSession(this.#environment, model, options, out)
          : this.#call.createSessionFromArray(this.#environment, model, model.length, options, out),
      );
      const count = Number(this.#create((out) => this.#call.sessionGetInputCount(session, out)));
      if (count === inputs) return session;
      this.releaseSession(session);
      throw new Error(`the graph has ${count} inputs instead of ${inputs}; import the model again`);
    } finally {
      this.#call.releaseSessionOptions(options);
    }
  }

  releaseSession(session: Handle): void {
    this.#call.releaseSession(session);
  }

  /** A tensor over `data` itself, no copy: the caller keeps `data` alive for as long as the tensor is used. */
  createTensor(data: TensorData, dims: readonly number[]): Handle {
    const type = elementType(data.constructor);
    const shape = BigInt64Array.from(dims, BigInt);
    return this.#create((out) =>
      this.#call.createTensorWithData(this.#memory, data, data.byteLength, shape, dims.length, type, out),
    );
  }

  /** A tensor over memory that is not JavaScript's. */
  createTensorAt(address: Handle, element: DeviceElement, dims: readonly number[]): Handle {
    return this.#tensorAt(this.#memory, address, element, dims);
  }

  openHeap(session: Handle, device: Device): DeviceHeap {
    const memory = this.#create((out) =>
      this.#call.createMemoryInfo(DEVICE_MEMORY[device], DEVICE_ALLOCATOR, 0, DEFAULT_MEMORY, out),
    );
    return { memory, allocator: this.#create((out) => this.#call.createAllocator(session, memory, out)) };
  }

  /** Room for `length` elements on the device, until it is released like a tensor. */
  allocate({ allocator }: DeviceHeap, element: DeviceElement, length: number): Handle {
    const shape = BigInt64Array.of(BigInt(length));
    return this.#create((out) => this.#call.createTensor(allocator, shape, 1, elementType(element), out));
  }

  /** A tensor over the start of what `allocate` gave. */
  viewTensor({ memory }: DeviceHeap, allocated: Handle, element: DeviceElement, dims: readonly number[]): Handle {
    const address = this.#create((out) => this.#call.getTensorMutableData(allocated, out));
    return this.#tensorAt(memory, address, element, dims);
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

  #tensorAt(memory: Handle, address: Handle, element: DeviceElement, dims: readonly number[]): Handle {
    const bytes = dims.reduce((product, dim) => product * dim, element.BYTES_PER_ELEMENT);
    const shape = BigInt64Array.from(dims, BigInt);
    return this.#create((out) =>
      this.#call.createTensorWithData(memory, address, bytes, shape, dims.length, elementType(element), out),
    );
  }

  #appendProvider(options: Handle, device: Device): void {
    if (device === 'webgpu') this.#check(this.#call.appendExecutionProvider(options, 'WebGPU', null, null, 0));
    if (device !== 'cuda') return;
    const cuda = this.#create((out) => this.#call.createCudaOptions(out));
    try {
      this.#check(this.#call.appendCuda(options, cuda));
    } finally {
      this.#call.releaseCudaOptions(cuda);
    }
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

function elementType(array: { readonly name: string }): number {
  return ELEMENT_TYPE[array.name as keyof typeof ELEMENT_TYPE];
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

/** Version of the package whose library is called. */
export function onnxruntimeVersion(): string {
  return createRequire(import.meta.url)('onnxruntime-node/package.json').version;
}

function libraryFile(): string {
  const root = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const folder = path.join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const file = readdirSync(folder).find((name) => /^(lib)?onnxruntime(\.so\.\d+|[.\d]*\.dylib|\.dll)$/.test(name));
  if (!file) throw new Error(`no onnxruntime library in ${folder}; reinstall onnxruntime-node`);
  return path.join(folder, file);
}
