import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle } from 'koffi';

/** The operators of native/, a library that onnxruntime loads by its path. */
export interface NativeKernels {
  readonly file: string;
  /** Instruction sets that it can run here, best first. */
  readonly paths: readonly string[];
  /** What one of those computes differently from plain C++, over small linears and an attention; null: nothing. */
  faultOf(path: string): string | null;
  /** Zeroed memory on huge pages where the system has them; it is never given back. */
  allocate(bytes: number): ArrayBuffer;
}

const FILE = fileURLToPath(new URL('../../../../native/build/Release/switchyard.node', import.meta.url));

/** Kept, because koffi unloads a library that nothing refers to. */
let library: LibraryHandle | null = null;

/** Null where the library was not built. */
export function loadNativeKernels(): NativeKernels | null {
  if (!existsSync(FILE)) return null;
  library ??= koffi.load(FILE);
  const allocate = library.func('void *SwitchyardAllocate(size_t bytes)');
  const selfTest = library.func('str SwitchyardSelfTest(const char *path)');
  const paths = (library.func('str SwitchyardKernelPaths()')() as string).split(' ');
  return {
    file: FILE,
    paths,
    faultOf: (path) => (selfTest(path) as string) || null,
    allocate(bytes) {
      const memory = allocate(bytes) as unknown;
      if (!memory) throw new Error(`out of memory: ${bytes} bytes`);
      return koffi.view(memory, bytes);
    },
  };
}
