import type { SamplingParams } from '../../contracts/generator.js';
import { broken, failureOf, type ReplicaFailure } from '../failure.js';
import { readObject, type Server } from '../server.js';
import type { Capabilities, Dialect, Expected, Piece, Question } from './dialect.js';
import { askedWith } from './grammar.js';

export interface ModelCard {
  readonly id: string;
  readonly parent?: string | null;
  readonly max_model_len?: number | null;
}

interface CompletionChunk {
  readonly choices?: readonly { readonly text?: string; readonly finish_reason?: string | null }[];
  readonly usage?: {
    readonly completion_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
  readonly error?: unknown;
}

/** What OpenAI's API has no word for, by its name in ours; each with its value where it is off. */
const EXTENSIONS: readonly (readonly [name: string, param: keyof SamplingParams, off: number])[] = [
  ['top_k', 'topK', 0],
  ['min_p', 'minP', 0],
  ['repetition_penalty', 'repetitionPenalty', 1],
];

/** Any server with OpenAI's `/v1/completions` that takes prompts as tokens; nothing but that is relied on. It has no adapters. */
export const openai: Dialect = {
  name: 'openai',
  healthPath: '/v1/models',
  path: '/v1/completions',

  unsupported({ sampling, topLogprobs, grammar, shown }) {
    if (topLogprobs !== null) return 'logprobs';
    if (grammar !== null) return askedWith(grammar);
    // Calls would come without their marks.
    if (shown.length > 0) return 'tools';
    return EXTENSIONS.find(([, param, off]) => sampling[param] !== off)?.[0] ?? null;
  },

  async probe(server, expected, signal) {
    const base = findBase(await listCards(server, signal), expected);
    // Its tokens cannot be compared; that it takes any can be found out.
    await server.call('POST', '/v1/completions', { model: base.id, prompt: expected.ids, max_tokens: 1 }, signal);
    return { ...describeCard(base), adapters: 'none' };
  },

  body(question, { model }) {
    return completionBody(question, model);
  },

  read: readChunk,
  lacksAdapter: () => false,
  whyNot: () => 'servers of the dialect openai have no adapters; use vllm or llama-server',
};

export async function listCards(server: Server, signal: AbortSignal): Promise<readonly ModelCard[]> {
  const { data } = readObject(await server.call('GET', '/v1/models', null, signal));
  if (!Array.isArray(data)) throw broken('its /v1/models have no data');
  return data;
}

/** @throws ReplicaFailure `broken` where it has not what is expected */
export function findBase(cards: readonly ModelCard[], { model }: Pick<Expected, 'model'>): ModelCard {
  const base = cards.find(({ id, parent }) => (model === '' ? !parent : id === model));
  if (base) return base;
  throw broken(`it does not serve ${model || 'a base'}, but ${cards.map(({ id }) => id).join(', ') || 'nothing'}`);
}

export function describeCard({ id, max_model_len }: ModelCard): Omit<Capabilities, 'adapters'> {
  return { model: id, contextTokens: max_model_len ?? null, slots: null, loaded: [] };
}

export function completionBody({ promptIds, maxTokens, sampling, stop }: Question, model: string): object {
  return {
    model,
    prompt: promptIds,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens,
    ...(stop.length > 0 && { stop }),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    ...(sampling.seed !== null && { seed: sampling.seed }),
    ...(Object.keys(sampling.logitBias).length > 0 && { logit_bias: sampling.logitBias }),
  };
}

export function readChunk(data: string): Piece | null {
  if (data === '[DONE]') return null;
  const { choices = [], usage, error } = readObject(data) as CompletionChunk;
  if (error !== undefined) throw errorIn(error);
  const [choice] = choices;
  const reason = choice?.finish_reason ?? null;
  if (reason !== null && reason !== 'stop' && reason !== 'length') throw broken(`it ended the answer: ${reason}`);
  return {
    text: choice?.text ?? '',
    completionTokens: usage?.completion_tokens ?? null,
    cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? null,
    logprobs: [],
    end: reason,
  };
}

/** vLLM begins its stream before it has looked at all that is asked for: what it will not do comes as an event with a status. */
function errorIn(error: unknown): ReplicaFailure {
  const { code, message = JSON.stringify(error) } = Object(error) as { code?: unknown; message?: unknown };
  const said = `it ended the answer: ${message}`;
  return typeof code === 'number' ? failureOf(code, said) : broken(said);
}
