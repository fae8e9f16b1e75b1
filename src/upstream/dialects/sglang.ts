import { readObject } from '../server.js';
import type { Dialect } from './dialect.js';
import { toSglangGrammar } from './grammar.js';
import { loadByPath, nameOf, probeCards, sumOf, unloadByName } from './loading.js';
import { completionBody, readChunk } from './openai.js';

/** Those that it computes and those that wait (`observability/metrics_collector.py`); where it was started with --enable-metrics. */
const REQUESTS = /^sglang:num_(?:running|queue)_reqs\{[^}]*\} (\d+(?:\.\d+)?)$/gm;

/**
 * SGLang, by the source of 0.5.23 (`python/sglang/srt`, named beside what was read there); no gateway was run with one (decision 0108).
 * It loads adapters while it runs where it was started with --enable-lora. What it keeps of prompts is told apart by adapter and by
 * `cache_salt` (`managers/schedule_batch.py: Req`, `mem_cache/radix_cache.py: RadixKey`).
 */
export const sglang: Dialect = {
  name: 'sglang',
  healthPath: '/health',
  path: '/v1/completions',

  unsupported({ topLogprobs, sampling }) {
    // The bytes of tokens are not among its probabilities.
    if (topLogprobs !== null) return 'logprobs';
    // Without --enable-deterministic-inference it is taken and has no effect (`sampling/sampling_batch_info.py: from_schedule_batch`).
    return sampling.seed === null ? null : 'seed';
  },

  /** `entrypoints/http_server.py: available_models, server_info`; `managers/scheduler.py: get_init_info` */
  async probe(server, expected, signal) {
    const served = await probeCards(server, expected, signal);
    const info = readObject(await server.call('GET', '/server_info', null, signal));
    const numberOf = (name: string) => (typeof info[name] === 'number' ? info[name] : null);
    return {
      ...served,
      // Some tokens less than the context of its card; or as many as its cache holds.
      contextTokens: numberOf('max_req_input_len') ?? served.contextTokens,
      slots: numberOf('max_running_requests'),
      adapters: info.enable_lora === true ? 'loads' : 'none',
    };
  },

  countRequests: (server, signal) => sumOf(server, REQUESTS, signal),

  /** `entrypoints/openai/protocol.py: CompletionRequest` */
  body(question, { model }) {
    const { adapter, cacheKey, grammar, sampling, shown } = question;
    return {
      ...completionBody(question, model),
      // The count in every event: what was written is metered even where the end never comes.
      stream_options: { include_usage: true, continuous_usage_stats: true },
      top_k: sampling.topK === 0 ? -1 : sampling.topK,
      min_p: sampling.minP,
      repetition_penalty: sampling.repetitionPenalty,
      cache_salt: cacheKey(),
      // A model's own name may hold the colon by which `model` would name an adapter (`serving_base.py: _parse_model_parameter`).
      ...(adapter !== null && { lora_path: nameOf(adapter) }),
      ...(shown.length > 0 && { skip_special_tokens: false }),
      ...(grammar !== null && toSglangGrammar(grammar)),
    };
  },

  /** `entrypoints/openai/serving_completions.py: _generate_completion_stream`; an abort of its own is a broken answer */
  read: readChunk,
  /** `managers/tokenizer_manager.py: _resolve_lora_path`, `lora/lora_registry.py: acquire` */
  lacksAdapter: ({ status, message }) => status === 400 && /never been loaded|adapters are not loaded/.test(message),
  whyNot: () =>
    'no server loads adapters; start SGLang with --enable-lora, --max-lora-rank and --lora-target-modules all',
  /** `managers/tokenizer_control_mixin.py: load_lora_adapter`: 400 with `error_message` for whatever it cannot load */
  load: (server, digest, folder, signal) => loadByPath(server, '/load_lora_adapter', { digest, folder }, signal),
  /** It waits for the answers that use it. */
  unload: (server, digest, signal) => unloadByName(server, '/unload_lora_adapter', digest, signal),
};
