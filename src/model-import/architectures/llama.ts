import type { Architecture } from './architecture.js';

/** Llama with all that is built like it: Mistral, SmolLM, TinyLlama. */
export const llama: Architecture = {
  gguf: 'llama',
  modelTypes: ['llama', 'mistral'],
  ggufPairs: true,
  fromGguf: (metadata) => ({ window: metadata.number('llama.attention.sliding_window', 0) }),
  fromConfig: (config) => {
    const used = config.flag('use_sliding_window', config.text('model_type') === 'mistral');
    return { window: used ? config.number('sliding_window', 0) : 0 };
  },
};
