import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../errors/app-error.js';
import { isSafetensorsFolder } from './safetensors/decoder.js';

const WANTED = 'name a GGUF file, or a folder with config.json, tokenizer.json and safetensors';

/**
 * What is no model by its looks is refused with what to name instead; the readers judge the rest.
 * @throws AppError `model_invalid`
 */
export function requireSource(source: string): void {
  const refuse = (reason: string) => {
    throw new AppError('model_invalid', { file: source, reason });
  };
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found) refuse('there is no such file or folder');
  else if (!found.isDirectory()) {
    if (source.endsWith('.safetensors')) refuse('it is a file of weights alone: name its folder');
  } else if (existsSync(path.join(source, 'adapter_config.json'))) {
    refuse('it is an adapter: add it with `switchyard adapters add`');
  } else if (!isSafetensorsFolder(source)) refuse(`the folder has no safetensors of a model: ${WANTED}`);
}
