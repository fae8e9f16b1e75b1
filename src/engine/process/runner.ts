import type { ModelManifest } from '../../contracts/model-manifest.js';
import type { AdapterTensors } from '../../layouts/adapter-file.js';

/** Tokens of one KV slot in one run of the model. */
export interface Segment {
  readonly slot: number;
  /** Position of the first token: as many tokens lie in the slot already. */
  readonly start: number;
  readonly ids: ArrayLike<number>;
  /** Bank slot of the adapter, null without. */
  readonly adapterSlot: number | null;
  /** Of how many of the last tokens logits are wanted. */
  readonly logits: number;
}

export interface RunnerOptions {
  readonly modelDir: string;
  readonly manifest: ModelManifest;
  readonly spinUs: number;
  /** KV slots, and tokens that each holds. */
  readonly slots: number;
  readonly contextTokens: number;
  readonly adapterSlots: number;
  readonly maxAdapterRank: number;
  readonly prefixCacheTokens: number;
  readonly passageCacheBytes: number;
  /** Largest number of tokens in a run, and of those whose logits are wanted. */
  readonly maxTokens: number;
  readonly maxLogits: number;
}

/** The model, loaded: KV slots, adapter bank, and one run at a time. */
export interface ModelRunner {
  /** To be called before the first run; again with another number, what the slots hold stays. */
  useThreads(count: number): void;
  /**
   * Whether a token's results depend on nothing but what precedes it in its slot, to the last bit. Only then may KV be
   * reused and drafts be verified without changing an answer.
   */
  readonly exact: boolean;
  /**
   * Logits of the wanted tokens of each segment; valid until the next run. Blocks. A slot occurs once at most.
   * @throws Error from onnxruntime
   */
  run(segments: readonly Segment[]): Float32Array[][];
  /** Puts an adapter into a slot of the bank. Call between runs only. */
  writeAdapter(slot: number, adapter: AdapterTensors): void;
  /** Keys and values outside the slots; null where the runner is not exact. */
  readonly kvStore: KvStore | null;
  /** Passages outside the slots; null where keys cannot be turned, or the runner is not exact. */
  readonly passageStore: PassageStore | null;
}

/** Places for the keys and values of one block of tokens each. */
export interface KvStore {
  readonly places: number;
  readonly tokensPerBlock: number;
  /** Copies block `block` of a slot (its tokens from `block * tokensPerBlock` on) into a place. */
  save(slot: number, block: number, place: number): void;
  /** Copies a place back, as block `block` of a slot. */
  load(place: number, slot: number, block: number): void;
}

/** Places for the keys and values of one block of a passage each, as computed at one position and good for any. */
export interface PassageStore {
  readonly places: number;
  readonly placeBytes: number;
  /** By how many positions keys can be turned, either way. */
  readonly longestTurn: number;
  /** Further places for what is not kept, as many as a slot has blocks. @param n from 0 to the number of slots */
  spare(n: number): readonly number[];
  /** Copies `tokens` tokens of a slot from a position on. */
  take(slot: number, position: number, tokens: number, places: readonly number[]): void;
  /** Copies them back, to another position. @param from the one that their keys are turned to */
  put(places: readonly number[], tokens: number, from: number, slot: number, position: number): void;
}
