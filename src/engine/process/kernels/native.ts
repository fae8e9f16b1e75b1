import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type NativeLibrary, type NativeMemory, openNativeLibrary } from '../../../native/library.js';
import type { VocabularyScan } from '../vocabulary-scan.js';

/** Pieces of memory at regular distances, all in bytes. */
export interface Pieces {
  readonly memory: NativeMemory;
  readonly offset: number;
  readonly outer: number;
  readonly inner: number;
}

/** The operators of native/, a library that onnxruntime loads by its path. */
export interface NativeKernels extends Pick<NativeLibrary, 'file' | 'paths' | 'faultOf' | 'allocate'> {
  copyPieces(to: Pieces, from: Pieces, count: { readonly outer: number; readonly inner: number }, bytes: number): void;
  /** Keys and values of tokens to other positions; keys turn by the angles, one a pair. Positions are of 0 at `offset`. */
  moveTokens(
    to: Pieces & { readonly position: number },
    from: Pieces & { readonly position: number },
    count: { readonly layers: number; readonly heads: number; readonly size: number; readonly tokens: number },
    angles: { readonly cos: Float32Array; readonly sin: Float32Array } | null,
  ): void;
  readonly scan: VocabularyScan;
  /** Digest of the library: what it was measured to do holds for itself alone. */
  build(): string;
}

/** Null where the library was not built. */
export function loadNativeKernels(): NativeKernels | null {
  const library = openNativeLibrary();
  if (!library) return null;
  const { file, paths, faultOf, allocate } = library;
  const copy = library.func(
    'void SwitchyardCopyPieces(void *to, int64_t toOuter, int64_t toInner, void *from, int64_t fromOuter, int64_t fromInner, int64_t outer, int64_t inner, int64_t bytes)',
  );
  const move = library.func(
    'void SwitchyardMoveTokens(void *to, int64_t toLayer, int64_t toHead, int64_t toPosition, void *from, int64_t fromLayer, int64_t fromHead, int64_t fromPosition, int64_t layers, int64_t heads, int64_t headSize, int64_t tokens, void *cosines, void *sines)',
  );
  const start = ({ memory, offset }: Pieces) => memory.address + BigInt(offset);
  return {
    file,
    paths,
    faultOf,
    allocate,
    copyPieces(to, from, { outer, inner }, bytes) {
      copy(start(to), to.outer, to.inner, start(from), from.outer, from.inner, outer, inner, bytes);
    },
    moveTokens(to, from, { layers, heads, size, tokens }, angles) {
      const source = [start(from), from.outer, from.inner, from.position] as const;
      const turn = [angles?.cos ?? null, angles?.sin ?? null] as const;
      move(start(to), to.outer, to.inner, to.position, ...source, layers, heads, size, tokens, ...turn);
    },
    scan: loadScan(library),
    build: () => createHash('sha256').update(readFileSync(file)).digest('hex'),
  };
}

function loadScan(library: NativeLibrary): VocabularyScan {
  const largest = library.func('float SwitchyardLargest(void *logits, int64_t n)');
  const sum = library.func('double SwitchyardSumOfExponentials(void *logits, int64_t n, float largest, float factor)');
  const within = library.func(
    'int64_t SwitchyardIdsWithin(void *logits, int64_t n, float lower, float below, void *ids)',
  );
  return {
    isQuick: true,
    largest: (logits) => largest(logits, logits.length) as number,
    sumOfExponentials: (logits, max, temperature) => sum(logits, logits.length, max, 1 / temperature) as number,
    idsWithin: (logits, lower, below, ids) => Number(within(logits, logits.length, lower, below, ids)),
  };
}
