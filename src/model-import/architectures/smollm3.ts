import { type Architecture, everything } from './architecture.js';

/** One layer of four rotates nothing, where a file does not list them. */
const USUAL_INTERVAL = 4;

/** Llama, but for layers whose queries and keys are not rotated (NoPE: Yang et al., 2025). */
export const smollm3: Architecture = {
  gguf: 'smollm3',
  modelTypes: ['smollm3'],
  ggufPairs: true,
  fromGguf: () => ({ attention: (layer) => everything((layer + 1) % USUAL_INTERVAL !== 0) }),
  fromConfig(config) {
    if (config.flag('use_sliding_window', false)) throw config.invalid('windows in its attention are not supported');
    const interval = config.number('no_rope_layer_interval', USUAL_INTERVAL);
    // 1 stands for a layer that rotates.
    const listed = config.has('no_rope_layers') ? config.list('no_rope_layers') : null;
    return { attention: (layer) => everything(listed ? listed[layer] !== 0 : (layer + 1) % interval !== 0) };
  },
};
