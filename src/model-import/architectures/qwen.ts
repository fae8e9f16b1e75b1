import type { JsonFile } from '../files/json-file.js';
import type { Architecture } from './architecture.js';

/** A window is written down even where none is used. */
const windowOf = (config: JsonFile) =>
  config.flag('use_sliding_window', false) ? config.number('sliding_window', 0) : 0;

export const qwen2: Architecture = {
  gguf: 'qwen2',
  modelTypes: ['qwen2'],
  ggufPairs: false,
  fromGguf: (metadata) => ({ window: metadata.number('qwen2.attention.sliding_window', 0) }),
  fromConfig: (config) => ({ window: windowOf(config) }),
};

/** Queries and keys are normalised before they are rotated. */
export const qwen3: Architecture = {
  gguf: 'qwen3',
  modelTypes: ['qwen3'],
  ggufPairs: false,
  fromGguf: (metadata) => ({ qkNorm: true, window: metadata.number('qwen3.attention.sliding_window', 0) }),
  fromConfig: (config) => ({ qkNorm: true, window: windowOf(config) }),
};
