import type { LayerAttention, Role, Traits } from '../decoder/checkpoint.js';
import type { JsonFile } from '../files/json-file.js';
import type { Metadata } from '../gguf/metadata.js';

/** What a source says that sets its model apart from a plain Llama; all that is left out is as there. */
export interface SourceTraits extends Partial<Traits> {
  /** One window for all layers, in tokens: no position past it is used, and within it windowed and full attention are the same. */
  readonly window?: number;
}

/** One architecture, and all that the importer has to know of it (docs/guides/adding-an-architecture.md). */
export interface Architecture {
  /** `general.architecture` of GGUF files. */
  readonly gguf: string;
  /** `model_type` of config.json. */
  readonly modelTypes: readonly string[];
  /** llama.cpp's converter interleaves the halves of its heads' rotary pairs. */
  readonly ggufPairs: boolean;
  /** Names of tensors in a folder that are not Llama's. */
  readonly names?: Readonly<Partial<Record<Role, string>>>;
  fromGguf(metadata: Metadata): SourceTraits;
  fromConfig(config: JsonFile): SourceTraits;
}

/** A layer that sees everything, and rotates or not. */
export const everything = (rotates: boolean): LayerAttention => ({ rope: rotates ? 'main' : null, window: null });
