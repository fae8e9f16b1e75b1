import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

/** onnxruntime maps external data instead of copying it when it starts on a page. */
const PAGE = 4096;

/** Where a tensor's bytes lie: fields of an ONNX TensorProto. */
export type TensorPlace = Readonly<Record<string, unknown>>;

/**
 * Tensors outside of the graphs that use them. Graphs may share one: a name that is there already stands for the same
 * bytes, which are not written again.
 */
export class DataFile {
  readonly name: string;
  readonly #fd: number;
  readonly #places = new Map<string, TensorPlace>();
  #offset = 0;

  constructor(file: string) {
    this.name = path.basename(file);
    this.#fd = openSync(file, 'w');
  }

  /** Place of a tensor, which is written unless its name is there already. */
  place(name: string, bytes: Uint8Array): TensorPlace {
    const place = this.#places.get(name) ?? this.#write(bytes);
    this.#places.set(name, place);
    return place;
  }

  /** Waits until the disk has everything. */
  close(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array): TensorPlace {
    this.#offset = Math.ceil(this.#offset / PAGE) * PAGE;
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#offset + done);
    }
    const entries = { location: this.name, offset: String(this.#offset), length: String(bytes.length) };
    this.#offset += bytes.length;
    return { data_location: 1, external_data: Object.entries(entries).map(([key, value]) => ({ key, value })) };
  }
}
