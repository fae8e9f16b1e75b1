/** Adapters as the rooms pass them around. Types only. */

/** One immutable adapter version: what identifies it to caches is its digest, never its name. */
export interface AdapterRef {
  readonly name: string;
  readonly version: number;
  /** Content digest (SHA-256, hex) over the canonical config and the weights. */
  readonly digest: string;
  /** Absolute path of the compiled form that the engine loads. */
  readonly compiledFile: string;
}

/** What the importer found in a PEFT folder that it accepted. */
export interface CompiledAdapter {
  readonly digest: string;
  readonly compiledFile: string;
  readonly baseDigest: string;
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
   * @throws AppError `adapter_invalid` with the reason; nothing is kept then.
   */
  compile(folder: string): Promise<CompiledAdapter>;
}
