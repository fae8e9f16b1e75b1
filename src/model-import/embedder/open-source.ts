import path from 'node:path';
import { JsonFile } from '../files/json-file.js';
import { adaptedWeights } from './adapted.js';
import { type BertCheckpoint, openBert } from './bert.js';
import { readE5s1 } from './e5s1.js';
import { unigramTokenizer, unigramTokenizerConfig } from './unigram-tokenizer.js';
import { openQuantized, openWeights } from './weights.js';

/** A BERT sentence encoder, and which of its folder's files has the weights: in Hugging Face's layout, or all in one file (`.bin`). */
export interface EmbedderSource {
  readonly folder: string;
  readonly weights: string;
  /** Folder of a LoRA adapter that is merged into them. */
  readonly adapter?: string;
}

/** The checkpoint, and what stands in the JSON files of Hugging Face's layout. */
export interface OpenedEmbedder {
  readonly checkpoint: BertCheckpoint;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
}

/** The caller closes the checkpoint's weights. @throws AppError `model_invalid` with the reason */
export function openSource({ folder, weights, adapter }: EmbedderSource): OpenedEmbedder {
  const file = path.join(folder, weights);
  const opened = weights.endsWith('.bin') ? openSingleFile(file) : openFolder(folder, file);
  if (!adapter) return opened;
  const { checkpoint } = opened;
  return { ...opened, checkpoint: { ...checkpoint, weights: adaptedWeights(checkpoint.weights, adapter) } };
}

function openFolder(folder: string, file: string): OpenedEmbedder {
  const json = (name: string) => new JsonFile(path.join(folder, name));
  const [config, tokenizer, tokenizerConfig] = [
    json('config.json'),
    json('tokenizer.json'),
    json('tokenizer_config.json'),
  ];
  const weights = openWeights(file);
  try {
    return {
      checkpoint: openBert(config, weights),
      config: config.values,
      tokenizer: tokenizer.values,
      tokenizerConfig: tokenizerConfig.values,
    };
  } catch (error) {
    weights.close();
    throw error;
  }
}

function openSingleFile(path: string): OpenedEmbedder {
  const { shape, normEpsilon, vocabulary, ...source } = readE5s1(path);
  return {
    checkpoint: { shape, normEpsilon, weights: openQuantized(source) },
    config: {
      architectures: ['BertModel'],
      model_type: 'bert',
      hidden_act: 'gelu',
      hidden_size: shape.hiddenSize,
      intermediate_size: shape.mlpSize,
      layer_norm_eps: normEpsilon,
      max_position_embeddings: shape.positions,
      num_attention_heads: shape.heads,
      num_hidden_layers: shape.layers,
      pad_token_id: vocabulary.ids.padding,
      type_vocab_size: shape.tokenTypes,
      vocab_size: shape.vocabSize,
    },
    tokenizer: { ...unigramTokenizer(vocabulary) },
    tokenizerConfig: unigramTokenizerConfig(vocabulary),
  };
}
