/** Adapters as the rooms pass them around. Types only. */
import type { LoraTarget } from './model-manifest.js';

/** One immutable adapter version: what identifies it to caches is its digest, never its name. */
export interface AdapterRef {
  readonly name: string;
  readonly version: number;
  /** Content digest (SHA-256, hex) over the canonical config and the weights. */
  readonly digest: string;
  /** Absolute path of the compiled form that the engine loads. */
  readonly compiledFile: string;
}

/**
 * Header of the compiled form, `adapter.swa`:
 *
 * | bytes | content |
 * | --- | --- |
 * | 0 – 7 | magic `SWADAPT2` (ASCII) |
 * | 8 – 11 | length of the header, u32 little-endian |
 * | 12 … | this header as JSON in UTF-8, padded with spaces so that the payload starts at a multiple of 64 (the padding counts as header) |
 * | payload | float16 little-endian: for each layer, for each target in the order of `LORA_TARGETS`: A `[inputs / 16][rank][16]`, then Bᵀ `[outputs / 16][rank][16]` |
 *
 * So each matrix lies as the kernels read it (native/src/layout.h), and loading one is a copy. `rank` is the header's
 * `ranks[target]`, the same in every layer (rows that a layer lacks are zero); the scale is folded into B; a target that is
 * not adapted has rank 0 and no bytes.
 */
export interface AdapterFileHeader {
  readonly format: 'switchyard-adapter-2';
  /** The adapter's content digest, `AdapterRef.digest`: SHA-256 (hex) of the JSON of the other fields, in their order. */
  readonly digest: string;
  readonly baseDigest: string;
  readonly layers: number;
  readonly ranks: Readonly<Record<LoraTarget, number>>;
  readonly payloadBytes: number;
  /** SHA-256 of the payload, hex. */
  readonly payloadSha256: string;
}

/** How an adapter was made, as its folder's `training.json` says; null: it does not say. */
export interface TrainingRecord {
  /** SHA-256 of the examples, hex. */
  readonly dataDigest: string | null;
  readonly trainer: string | null;
  readonly hyperparameters: Readonly<Record<string, unknown>> | null;
  /** Every number at its top: examples, tokens, the final loss. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A file that an adapter came in. */
export interface SourceFile {
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
}

/** What the importer found in a PEFT folder that it accepted. */
export interface CompiledAdapter {
  readonly digest: string;
  readonly compiledFile: string;
  readonly baseDigest: string;
  /** Id of the base model. */
  readonly baseModel: string;
  /** Configuration and weights, in this order. */
  readonly sources: readonly SourceFile[];
  readonly training: TrainingRecord | null;
  /** Largest rank over its targets. */
  readonly rank: number;
  readonly targets: readonly string[];
  readonly bytes: number;
}

/** Turns PEFT folders into the form that the engine loads; refuses what its base does not accept. */
export interface AdapterCompiler {
  /**
   * Validates a PEFT folder against the base (architecture, shapes, rank, targets, dtype, finite values) and writes
   * the compiled form under the data folder, content-addressed, durably.
   * @param anyBase whether the name of another base in its configuration is no reason to refuse it
   * @throws AppError `adapter_invalid` with the reason; nothing is kept then.
   */
  compile(folder: string, anyBase?: boolean): Promise<CompiledAdapter>;
}
