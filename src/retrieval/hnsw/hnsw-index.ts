import hnswlib from 'hnswlib-node';

export interface HnswParams {
  readonly dimensions: number;
  /** Links a node (M). */
  readonly links: number;
  readonly efConstruction: number;
  readonly efSearch: number;
}

const MAX_LABEL = 2 ** 32 - 1;
const SEED = 100;
const GROWTH = 1.5;

/**
 * hnswlib behind checks: it coerces labels silently, accepts NaN, ends the process on an element that is no number,
 * forgets `ef` on loading and fails when it is full. Vectors are normalised, so that the inner product is the cosine.
 */
export class HnswIndex {
  readonly #native: hnswlib.HierarchicalNSW;
  readonly #params: HnswParams;
  readonly #deleted = new Set<number>();
  #lastLabel: number;

  private constructor(native: hnswlib.HierarchicalNSW, params: HnswParams, lastLabel: number) {
    this.#native = native;
    this.#params = params;
    this.#lastLabel = lastLabel;
  }

  static create(params: HnswParams, capacity: number): HnswIndex {
    const native = new hnswlib.HierarchicalNSW('ip', params.dimensions);
    native.initIndex(Math.max(16, capacity), params.links, params.efConstruction, SEED);
    return new HnswIndex(native, params, 0);
  }

  /** Only for a file whose checksum was compared: hnswlib loads a damaged one silently, or crashes. */
  static load(params: HnswParams, file: string, lastLabel: number): HnswIndex {
    const native = new hnswlib.HierarchicalNSW('ip', params.dimensions);
    native.readIndexSync(file);
    return new HnswIndex(native, params, lastLabel);
  }

  get params(): HnswParams {
    return this.#params;
  }

  /** Another of the same kind, with room for as much as is left in this one. */
  emptied(): HnswIndex {
    return HnswIndex.create(this.#params, this.liveCount);
  }

  /** Every row up to this label is in the index, or was deleted before it got there. */
  get lastLabel(): number {
    return this.#lastLabel;
  }

  get deletedCount(): number {
    return this.#deleted.size;
  }

  get liveCount(): number {
    return this.#native.getCurrentCount() - this.#deleted.size;
  }

  /** Estimate: vector and links of level 0, and the allocator's share. */
  get bytes(): number {
    return this.#native.getMaxElements() * (4 * this.#params.dimensions + 8 * this.#params.links + 64);
  }

  /** Labels only ever grow. */
  add(label: number, vector: Float32Array): void {
    if (!Number.isInteger(label) || label <= this.#lastLabel || label > MAX_LABEL) {
      throw new RangeError(`label ${label} does not follow ${this.#lastLabel}`);
    }
    this.#check(vector);
    if (this.#native.getCurrentCount() === this.#native.getMaxElements()) {
      this.#native.resizeIndex(Math.ceil(this.#native.getMaxElements() * GROWTH));
    }
    this.#native.addPoint(Array.from(vector), label);
    this.#lastLabel = label;
  }

  /** Labels that the index does not hold are passed over. */
  remove(labels: Iterable<number>): void {
    for (const label of labels) {
      if (this.#deleted.has(label)) continue;
      try {
        this.#native.markDelete(label);
        this.#deleted.add(label);
      } catch {
        // Its row went before it was added.
      }
    }
  }

  /** Marks everything deleted that is not among `labels`: rows may have gone while the file lay on the disk. */
  retain(labels: Iterable<number>): void {
    const kept = new Set(labels);
    this.#deleted.clear();
    for (const label of this.#native.getIdsList()) {
      if (kept.has(label)) continue;
      this.#deleted.add(label);
      try {
        this.#native.markDelete(label);
      } catch {
        // It was marked when the file was written; hnswlib has no way to ask.
      }
    }
  }

  /** Up to `count` labels near the vector, nearest first. */
  search(vector: Float32Array, count: number): number[] {
    this.#check(vector);
    const wanted = Math.min(count, this.liveCount);
    if (wanted === 0) return [];
    this.#native.setEf(Math.max(this.#params.efSearch, wanted));
    return this.#native.searchKnn(Array.from(vector), wanted).neighbors;
  }

  /** Synchronous on purpose: an addition during an asynchronous write would corrupt the file. */
  write(file: string): void {
    this.#native.writeIndexSync(file);
  }

  #check(vector: Float32Array): void {
    if (vector.length !== this.#params.dimensions) {
      throw new RangeError(`${vector.length} dimensions, expected ${this.#params.dimensions}`);
    }
    if (!vector.every(Number.isFinite)) throw new RangeError('the vector holds a number that is not finite');
  }
}
