import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle } from 'koffi';
import type { VocabularyScan } from '../vocabulary-scan.js';

/** Memory outside JavaScript's heap, of any size: an ArrayBuffer ends at 8 GiB. */
export interface NativeMemory {
  readonly address: bigint;
  /** A part of it. */
  view(offset: number, bytes: number): ArrayBuffer;
}

/** Pieces of memory at regular distances, all in bytes. */
export interface Pieces {
  readonly memory: NativeMemory;
  readonly offset: number;
  readonly outer: number;
  readonly inner: number;
}

/** The operators of native/, a library that onnxruntime loads by its path. */
export interface NativeKernels {
  readonly file: string;
  /** Instruction sets that it can run here, best first. */
  readonly paths: readonly string[];
  /** What one of those computes differently from plain C++, over small linears and an attention; null: nothing. */
  faultOf(path: string): string | null;
  /**
   * Zeroed memory that is never given back; pages that nothing is written to cost nothing. On huge pages where `dense`,
   * and where the system has them.
   */
  allocate(bytes: number, use: 'dense' | 'sparse'): NativeMemory;
  copyPieces(to: Pieces, from: Pieces, count: { readonly outer: number; readonly inner: number }, bytes: number): void;
  readonly scan: VocabularyScan;
  /** Digest of the library: what it was measured to do holds for itself alone. */
  build(): string;
}

const FILE = fileURLToPath(new URL('../../../../native/build/Release/switchyard.node', import.meta.url));

/** Kept, because koffi unloads a library that nothing refers to. */
let library: LibraryHandle | null = null;

/** Null where the library was not built. */
export function loadNativeKernels(): NativeKernels | null {
  if (!existsSync(FILE)) return null;
  library ??= koffi.load(FILE);
  const selfTest = library.func('str SwitchyardSelfTest(const char *path)');
  const allocate = library.func('void *SwitchyardAllocate(size_t bytes, int hugePages)');
  const copy = library.func(
    'void SwitchyardCopyPieces(void *to, int64_t toOuter, int64_t toInner, void *from, int64_t fromOuter, int64_t fromInner, int64_t outer, int64_t inner, int64_t bytes)',
  );
  const paths = (library.func('str SwitchyardKernelPaths()')() as string).split(' ');
  return {
    file: FILE,
    paths,
    faultOf: (path) => (selfTest(path) as string) || null,
    allocate(bytes, use) {
      const memory = allocate(bytes, Number(use === 'dense')) as unknown;
      if (!memory) throw new Error(`out of memory: ${bytes} bytes`);
      const address = koffi.address(memory);
      return { address, view: (offset, length) => koffi.view(address + BigInt(offset), length) };
    },
    copyPieces(to, from, { outer, inner }, bytes) {
      const start = ({ memory, offset }: Pieces) => memory.address + BigInt(offset);
      copy(start(to), to.outer, to.inner, start(from), from.outer, from.inner, outer, inner, bytes);
    },
    scan: loadScan(library),
    build: () => createHash('sha256').update(readFileSync(FILE)).digest('hex'),
  };
}

function loadScan(library: LibraryHandle): VocabularyScan {
  const largest = library.func('float SwitchyardLargest(void *logits, int64_t n)');
  const sum = library.func('double SwitchyardSumOfExponentials(void *logits, int64_t n, float largest, float factor)');
  const within = library.func(
    'int64_t SwitchyardIdsWithin(void *logits, int64_t n, float lower, float below, void *ids)',
  );
  return {
    largest: (logits) => largest(logits, logits.length) as number,
    sumOfExponentials: (logits, max, temperature) => sum(logits, logits.length, max, 1 / temperature) as number,
    idsWithin: (logits, lower, below, ids) => Number(within(logits, logits.length, lower, below, ids)),
  };
}
