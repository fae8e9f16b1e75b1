import { ReplicaFailure } from '../failure.js';
import type { Server } from '../server.js';
import { checkTokens } from './check-tokens.js';
import type { Dialect } from './dialect.js';
import { toStructuredOutputs } from './grammar.js';
import { completionBody, describeCard, findBase, listCards, readChunk } from './openai.js';

/** Adapters are registered by digest: one name never means other weights, so neither they nor their prefixes are out of date. */
const NAME = 'sw-';
const LOAD = '/v1/load_lora_adapter';
/** Those that it computes and those that wait, of each of its engines. */
const REQUESTS = /^vllm:num_requests_(?:running|waiting)\{[^}]*\} (\d+(?:\.\d+)?)$/gm;

/** vLLM. It loads adapters while it runs where it was started with VLLM_ALLOW_RUNTIME_LORA_UPDATING. */
export const vllm: Dialect = {
  name: 'vllm',
  healthPath: '/health',
  path: '/v1/completions',

  // The bytes of tokens are not among its probabilities.
  unsupported: ({ topLogprobs }) => (topLogprobs === null ? null : 'logprobs'),

  async probe(server, expected, signal) {
    const cards = await listCards(server, signal);
    const base = findBase(cards, expected);
    const asked = { model: base.id, prompt: expected.text, add_special_tokens: true };
    checkTokens(await server.call('POST', '/tokenize', asked, signal), expected);
    return {
      ...describeCard(base),
      adapters: (await loadsAdapters(server, signal)) ? 'loads' : 'none',
      loaded: cards.filter(({ id }) => id.startsWith(NAME)).map(({ id }) => id.slice(NAME.length)),
    };
  },

  async countRequests(server, signal) {
    const counts = String(await server.call('GET', '/metrics', null, signal)).matchAll(REQUESTS);
    const numbers = [...counts].map(([, count]) => Number(count));
    return numbers.length === 0 ? null : numbers.reduce((sum, count) => sum + count, 0);
  },

  body(question, { model }) {
    const { adapter, cacheKey, grammar, sampling, shown } = question;
    return {
      ...completionBody(question, adapter === null ? model : NAME + adapter),
      // The count in every event: what was written is metered even where the end never comes.
      stream_options: { include_usage: true, continuous_usage_stats: true },
      top_k: sampling.topK,
      min_p: sampling.minP,
      repetition_penalty: sampling.repetitionPenalty,
      cache_salt: cacheKey,
      ...(shown.length > 0 && { skip_special_tokens: false }),
      ...(grammar !== null && { structured_outputs: toStructuredOutputs(grammar) }),
    };
  },

  read: readChunk,
  lacksAdapter: ({ status }) => status === 404,
  whyNot: () => 'no server loads adapters; start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True',

  async load(server, digest, folder, signal) {
    try {
      await server.call('POST', LOAD, { lora_name: NAME + digest, lora_path: folder }, signal);
    } catch (error) {
      // 500 is its word for what it cannot load, a rank beyond its own for instance: no reason to eject it for all others.
      if (!(error instanceof ReplicaFailure) || (error.kind !== 'refused' && error.status !== 500)) throw error;
      // By another gateway: the same name is the same content.
      if (/already been loaded/i.test(error.message)) return;
      throw new ReplicaFailure('adapter', error.message, { cause: error });
    }
  },

  async unload(server, digest, signal) {
    await server.call('POST', '/v1/unload_lora_adapter', { lora_name: NAME + digest }, signal);
  },
};

/** What is not there answers 404, what lacks its fields another error. */
async function loadsAdapters(server: Server, signal: AbortSignal): Promise<boolean> {
  try {
    await server.call('POST', LOAD, {}, signal);
    return true;
  } catch (error) {
    if (error instanceof ReplicaFailure && error.kind === 'refused') return error.status !== 404;
    throw error;
  }
}
