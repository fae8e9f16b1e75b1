import { ReplicaFailure } from '../failure.js';
import type { Server } from '../server.js';
import type { Dialect } from './dialect.js';
import { toStructuredOutputs } from './grammar.js';
import { loadByPath, nameOf, probeCards, sumOf, unloadByName } from './loading.js';
import { completionBody, readChunk } from './openai.js';

const LOAD = '/v1/load_lora_adapter';
/** Those that it computes and those that wait. */
const REQUESTS = /^vllm:num_requests_(?:running|waiting)\{[^}]*\} (\d+(?:\.\d+)?)$/gm;

/** vLLM. It loads adapters while it runs where it was started with VLLM_ALLOW_RUNTIME_LORA_UPDATING. */
export const vllm: Dialect = {
  name: 'vllm',
  healthPath: '/health',
  path: '/v1/completions',

  // The bytes of tokens are not among its probabilities.
  unsupported: ({ topLogprobs }) => (topLogprobs === null ? null : 'logprobs'),

  async probe(server, expected, signal) {
    const served = await probeCards(server, expected, signal);
    return { ...served, adapters: (await loadsAdapters(server, signal)) ? 'loads' : 'none' };
  },

  countRequests: (server, signal) => sumOf(server, REQUESTS, signal),

  body(question, { model }) {
    const { adapter, cacheKey, grammar, sampling, shown } = question;
    return {
      ...completionBody(question, adapter === null ? model : nameOf(adapter)),
      // The count in every event: what was written is metered even where the end never comes.
      stream_options: { include_usage: true, continuous_usage_stats: true },
      top_k: sampling.topK,
      min_p: sampling.minP,
      repetition_penalty: sampling.repetitionPenalty,
      cache_salt: cacheKey(),
      ...(shown.length > 0 && { skip_special_tokens: false }),
      ...(grammar !== null && { structured_outputs: toStructuredOutputs(grammar) }),
    };
  },

  read: readChunk,
  lacksAdapter: ({ status }) => status === 404,
  whyNot: () => 'no server loads adapters; start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True',
  load: (server, digest, folder, signal) => loadByPath(server, LOAD, { digest, folder }, signal),
  unload: (server, digest, signal) => unloadByName(server, '/v1/unload_lora_adapter', digest, signal),
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
