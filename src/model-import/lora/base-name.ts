import type { ModelManifest } from '../../contracts/model-manifest.js';
import type { JsonFile } from '../files/json-file.js';

/** How a model is stored, at the end of its name. */
const STORED = /[-_. ](?:gguf|safetensors|i?q\d\w*|f16|bf16|fp16|f32|fp8|bnb|[48]bit|int[48]|unsloth|gptq|awq|hf)$/;

/**
 * An adapter that names another base than this one would give noise where the shapes happen to agree. The same model has many
 * names: whose copy it is and how it is stored make no difference here.
 * @throws AppError `model_invalid` where `base_model_name_or_path` is no name of this base
 */
export function requireThisBase(config: JsonFile, { id, names = [] }: Pick<ModelManifest, 'id' | 'names'>): void {
  const named = config.has('base_model_name_or_path') ? config.text('base_model_name_or_path') : '';
  if (named === '' || [id, ...names].some((known) => modelName(known) === modelName(named))) return;
  const known = [...new Set([id, ...names])].join(', ');
  throw config.invalid(
    `base_model_name_or_path is ${named}, and the base model here is ${known}; where that is the same model under another name, say so with anyBase (--any-base)`,
  );
}

/** The last part of a name or path, without what tells copies of a model apart. */
function modelName(name: string): string {
  let plain = name.toLowerCase().replace(/[/\\]+$/, '');
  plain = plain.slice(Math.max(plain.lastIndexOf('/'), plain.lastIndexOf('\\')) + 1);
  for (let before = ''; before !== plain; ) {
    before = plain;
    plain = plain.replace(STORED, '');
  }
  return plain.replace(/[^\p{L}\p{N}]/gu, '');
}
