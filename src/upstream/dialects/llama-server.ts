import { posix } from 'node:path';
import type { GeneratedToken, TokenLogprob } from '../../contracts/generator.js';
import { broken, ReplicaFailure } from '../failure.js';
import { readObject, type Server } from '../server.js';
import { checkTokens } from './check-tokens.js';
import type { Dialect } from './dialect.js';
import { askedWith, toLlamaGrammar } from './grammar.js';

interface Adapter {
  readonly id: number;
  readonly path: string;
}

interface Probability extends TokenLogprob {
  readonly top_logprobs?: readonly TokenLogprob[];
}

/** The members of `/completion`'s events that count here (tools/server/README.md of llama.cpp). */
interface CompletionEvent {
  readonly content?: string;
  readonly tokens_predicted?: number;
  readonly stop?: boolean;
  readonly stop_type?: 'none' | 'eos' | 'limit' | 'word';
  readonly timings?: { readonly cache_n?: number };
  readonly completion_probabilities?: readonly Probability[];
  readonly error?: unknown;
}

/**
 * llama.cpp's server. It has the adapters that it was started with, as files `<digest>.gguf`, and numbers them in their order.
 * Its prompt cache is left off: it is shared by all who ask, and has been mixed up between adapters (llama.cpp issue 26207).
 */
export const llamaServer: Dialect = {
  name: 'llama-server',
  healthPath: '/health',
  path: '/completion',
  unsupported: ({ grammar }) => (grammar !== null && toLlamaGrammar(grammar) === null ? askedWith(grammar) : null),

  async probe(server, expected, signal) {
    const props = readObject(await server.call('GET', '/props', null, signal));
    const settings = readObject(props.default_generation_settings);
    if (typeof props.total_slots !== 'number' || typeof settings.n_ctx !== 'number') {
      throw broken('its /props are not those of llama-server');
    }
    const asked = { content: expected.text, add_special: true, parse_special: true };
    checkTokens(await server.call('POST', '/tokenize', asked, signal), expected);
    const adapters = await listAdapters(server, signal);
    return {
      model: String(props.model_alias ?? ''),
      contextTokens: settings.n_ctx,
      slots: props.total_slots,
      adapters: adapters.size === 0 ? 'none' : adapters,
      loaded: [],
    };
  },

  async countRequests(server, signal) {
    const slots = await server.call('GET', '/slots', null, signal);
    return Array.isArray(slots) ? slots.filter((slot) => readObject(slot).is_processing === true).length : null;
  },

  body({ promptIds, maxTokens, sampling, stop, topLogprobs, grammar, shown, adapter }, { adapters, contextTokens }) {
    const numbers = typeof adapters === 'string' ? [] : [...adapters];
    return {
      prompt: promptIds,
      stream: true,
      return_tokens: false,
      cache_prompt: false,
      n_predict: maxTokens,
      stop,
      // Adapters that are not named are on.
      lora: numbers.map(([digest, id]) => ({ id, scale: digest === adapter ? 1 : 0 })),
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK,
      min_p: sampling.minP,
      // Of all tokens so far, as everywhere else; its own samplers beside them are left out.
      repeat_last_n: contextTokens,
      repeat_penalty: sampling.repetitionPenalty,
      presence_penalty: sampling.presencePenalty,
      frequency_penalty: sampling.frequencyPenalty,
      samplers: ['penalties', 'top_k', 'top_p', 'min_p', 'temperature'],
      ...(sampling.seed !== null && { seed: sampling.seed }),
      logit_bias: Object.entries(sampling.logitBias).map(([id, bias]) => [Number(id), bias]),
      // Without alternatives the token's own probability is wanted all the same.
      ...(topLogprobs !== null && { n_probs: Math.max(1, topLogprobs) }),
      ...(grammar !== null && toLlamaGrammar(grammar)),
      ...(shown.length > 0 && { preserved_tokens: shown }),
    };
  },

  read(data) {
    const event = readObject(data) as CompletionEvent;
    if (event.error !== undefined) throw broken(`it ended the answer: ${JSON.stringify(event.error)}`);
    if (typeof event.content !== 'string') throw broken('an event of it has no content');
    return {
      text: event.content,
      completionTokens: event.tokens_predicted ?? null,
      cachedTokens: event.timings?.cache_n ?? null,
      logprobs: (event.completion_probabilities ?? []).map(toToken),
      end: event.stop ? (event.stop_type === 'limit' ? 'length' : 'stop') : null,
    };
  },

  lacksAdapter: () => false,
  whyNot: (digest) => `no server was started with it; add ${digest}.gguf to its --lora`,

  /** Its numbers mean other files after a restart with others. Read while the answer is under way, they are those it is made with. */
  async confirm(server, { adapters }, signal) {
    if (typeof adapters === 'string') return;
    const now = await listAdapters(server, signal);
    const isSame = now.size === adapters.size && [...adapters].every(([digest, id]) => now.get(digest) === id);
    if (!isSame) throw new ReplicaFailure('stale', 'it has other adapters by now');
  },
};

async function listAdapters(server: Server, signal: AbortSignal): Promise<Map<string, number>> {
  const list = await server.call('GET', '/lora-adapters', null, signal);
  if (!Array.isArray(list)) throw broken('its /lora-adapters are no list');
  return new Map((list as Adapter[]).map(({ id, path }) => [posix.basename(path.replaceAll('\\', '/'), '.gguf'), id]));
}

function toToken({ top_logprobs: top = [], ...own }: Probability): GeneratedToken {
  const pick = ({ id, token, bytes, logprob }: TokenLogprob): TokenLogprob => ({ id, token, bytes, logprob });
  return { ...pick(own), top: top.map(pick) };
}
