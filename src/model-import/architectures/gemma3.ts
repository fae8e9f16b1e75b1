import type { LayerAttention } from '../decoder/checkpoint.js';
import { type Architecture, everything, type SourceTraits } from './architecture.js';

/** Of six layers the last one sees everything, where a file does not list them. */
const USUAL_PATTERN = 6;
const LOCAL_THETA = 10_000;
/** The largest one scales its queries by another size than that of its heads; GGUF files do not say so. */
const LAYERS_OF_27B = 62;

/** Gemma 3, text alone: windows in most layers, which rotate by another base; norms before and after; GELU. */
export const gemma3: Architecture = {
  gguf: 'gemma3',
  modelTypes: ['gemma3_text'],
  ggufPairs: false,
  names: {
    mlpNorm: 'pre_feedforward_layernorm.weight',
    postAttentionNorm: 'post_attention_layernorm.weight',
    postMlpNorm: 'post_feedforward_layernorm.weight',
  },
  fromGguf(metadata) {
    if (metadata.number('gemma3.final_logit_softcapping', 0) !== 0) {
      throw metadata.invalid('a soft cap of its logits is not supported');
    }
    const hiddenSize = metadata.number('gemma3.embedding_length');
    const traits = traitsOf(hiddenSize, metadata.number('gemma3.attention.sliding_window', 0));
    const localTheta = metadata.number('gemma3.rope.freq_base_swa', LOCAL_THETA);
    if (metadata.number('gemma3.block_count') !== LAYERS_OF_27B) return { ...traits, localTheta };
    return {
      ...traits,
      localTheta,
      attentionScale: Math.sqrt(metadata.number('gemma3.attention.head_count') / hiddenSize),
    };
  },
  fromConfig(config) {
    for (const key of ['attn_logit_softcapping', 'final_logit_softcapping']) {
      if (config.has(key)) throw config.invalid(`${key} is not supported`);
    }
    if (config.flag('use_bidirectional_attention', false)) {
      throw config.invalid('attention to what follows is not supported');
    }
    const window = config.number('sliding_window', 0);
    const local = config.optional('rope_parameters')?.optional('sliding_attention');
    const listed = config.has('layer_types') ? config.list('layer_types') : null;
    return {
      ...traitsOf(config.number('hidden_size'), window),
      ...(listed && { attention: (layer: number) => attentionOf(listed[layer] === 'sliding_attention', window) }),
      // The weights of its norms are stored as what is added to one.
      normOffset: 1,
      attentionScale: 1 / Math.sqrt(config.number('query_pre_attn_scalar', 256)),
      localTheta: local?.number('rope_theta') ?? config.number('rope_local_base_freq', LOCAL_THETA),
    };
  },
};

function traitsOf(hiddenSize: number, window: number): SourceTraits {
  return {
    qkNorm: true,
    postNorms: true,
    activation: 'gelu-tanh',
    embeddingScale: Math.sqrt(hiddenSize),
    attention: (layer) => attentionOf((layer + 1) % USUAL_PATTERN !== 0, window),
  };
}

const attentionOf = (isLocal: boolean, window: number): LayerAttention =>
  isLocal && window > 0 ? { rope: 'local', window } : everything(true);
