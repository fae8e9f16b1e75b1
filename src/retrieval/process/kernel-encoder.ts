import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type NativeLibrary, openNativeLibrary } from '../../native/library.js';
import type { Encoder, Precedence, TokenBatch } from './encoder.js';

type Callback = (error: Error | null, fault: string | null) => void;
interface Encode {
  (...call: readonly unknown[]): string | null;
  async(...call: readonly [...unknown[], Callback]): void;
}

/**
 * The encoder of native/ (native/src/encoder.cpp), which computes texts of any lengths together without padding.
 * Null where it was not built, or is not right on this CPU.
 * @throws Error for a file that is no encoder
 */
export function openKernelEncoder(file: string, dimensions: number): Encoder | null {
  const library = openNativeLibrary();
  const path = library?.paths.find((name) => name !== 'scalar' && library.faultOf(name) === null);
  if (!library || path === undefined) return null;
  const encoder = openFile(library, file);
  const encode = library.func(
    'str SwitchyardEncode(void *encoder, const char *path, void *ids, void *lengths, int64_t texts, void *vectors, int inBackground)',
  ) as unknown as Encode;

  const check = (fault: string | null) => {
    if (fault !== null) throw new Error(`the encoder: ${fault}`);
  };
  const callFor = ({ ids, lengths }: TokenBatch, precedence: Precedence) => {
    const vectors = new Float32Array(lengths.length * dimensions);
    return { vectors, call: [encoder, path, ids, lengths, lengths.length, vectors, Number(precedence === 'behind')] };
  };
  return {
    async encode(batch) {
      const { vectors, call } = callFor(batch, 'ahead');
      check(encode(...call));
      return vectors;
    },
    async encodeApart(batch, precedence) {
      const { vectors, call } = callFor(batch, precedence);
      check(
        await new Promise((resolve, reject) =>
          encode.async(...call, (error, fault) => (error ? reject(error) : resolve(fault))),
        ),
      );
      return vectors;
    },
  };
}

/** Reads the file to where it stays: the kernels want it aligned, and are faster on huge pages. */
function openFile(library: NativeLibrary, file: string): bigint {
  const { size } = statSync(file);
  const memory = library.allocate(size, 'dense');
  const bytes = new Uint8Array(memory.view(0, size));
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < size; ) {
      const count = readSync(descriptor, bytes, done, size - done, done);
      if (count === 0) throw new Error(`${file} became shorter while it was read`);
      done += count;
    }
  } finally {
    closeSync(descriptor);
  }
  const open = library.func('str SwitchyardOpenEncoder(void *bytes, int64_t length, void *encoder)');
  const opened = new BigUint64Array(1);
  const fault = open(memory.address, size, opened) as string | null;
  if (fault !== null) throw new Error(`${file} cannot be used: ${fault}`);
  return opened[0]!;
}
