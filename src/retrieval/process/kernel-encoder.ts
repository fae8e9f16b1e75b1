import { open } from 'node:fs/promises';
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
export async function openKernelEncoder(file: string, dimensions: number): Promise<Encoder | null> {
  const library = openNativeLibrary();
  const path = library?.paths.find((name) => name !== 'scalar' && library.faultOf(name) === null);
  if (!library || path === undefined) return null;
  const encoder = await openFile(library, file);
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
async function openFile(library: NativeLibrary, file: string): Promise<bigint> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const memory = library.allocate(size, 'dense');
    try {
      const bytes = new Uint8Array(memory.view(0, size));
      for (let done = 0; done < size; ) {
        const { bytesRead } = await handle.read(bytes, done, size - done, done);
        if (bytesRead === 0) throw new Error(`${file} became shorter while it was read`);
        done += bytesRead;
      }
      const openEncoder = library.func('str SwitchyardOpenEncoder(void *bytes, int64_t length, void *encoder)');
      const opened = new BigUint64Array(1);
      const fault = openEncoder(memory.address, size, opened) as string | null;
      if (fault !== null) throw new Error(`${file} cannot be used: ${fault}`);
      return opened[0]!;
    } catch (error) {
      // It is tried again with the next use.
      memory.release();
      throw error;
    }
  } finally {
    await handle.close();
  }
}
