/** OpenAI's parameters that all ways of generating share: their schema, and what they mean to the engine. */
import { type Static, type TOptional, type TUnknown, Type } from 'typebox';
import type { Priority, SamplingParams } from '../../../contracts/engine.js';
import { AppError } from '../../../errors/app-error.js';

/** Honoured. */
export const generationFields = {
  model: Type.String({
    minLength: 1,
    description: 'A deployment, a version of it (`assistant@3`), or the base model.',
  }),
  max_tokens: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Most tokens of the answer; by default, what the context leaves.' }),
  ),
  temperature: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 2,
      default: 0,
      description: '0, the default, always takes the likeliest token.',
    }),
  ),
  top_p: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 1 })),
  top_k: Type.Optional(Type.Integer({ minimum: -1, default: 0, description: 'Extension. 0 and -1: off.' })),
  min_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0, description: 'Extension.' })),
  repetition_penalty: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, maximum: 10, default: 1, description: 'Extension. 1: off.' }),
  ),
  presence_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2, default: 0 })),
  frequency_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2, default: 0 })),
  seed: Type.Optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
  logit_bias: Type.Optional(
    Type.Record(Type.String(), Type.Number({ minimum: -100, maximum: 100 }), {
      maxProperties: 1024,
      description: 'By token id.',
    }),
  ),
  stop: Type.Optional(
    Type.Union([
      Type.String({ minLength: 1, maxLength: 512 }),
      Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 4 }),
    ]),
  ),
  stream: Type.Optional(Type.Boolean({ default: false })),
  stream_options: Type.Optional(
    Type.Object({
      include_usage: Type.Optional(Type.Boolean({ default: false })),
      include_obfuscation: Type.Optional(Type.Boolean({ description: 'Accepted; nothing is padded.' })),
    }),
  ),
  user: Type.Optional(Type.String({ description: 'Keeps one user on one arm of a canary.' })),
  service_tier: Type.Optional(
    Type.String({ description: '`flex` gets what other requests leave; every other tier is served alike.' }),
  ),
};

/** Harmless: accepted, so that clients which always send them work, and without effect. */
export const acceptedFields = {
  store: Type.Optional(Type.Boolean()),
};

const GenerationBody = Type.Object(generationFields);
type GenerationBody = Static<typeof GenerationBody>;

/** Parameters that would change the answer but cannot be honoured; `harmless` values ask for what happens anyway. */
export type RefusedParameters = Readonly<
  Record<string, { readonly reason: string; readonly harmless?: (value: unknown) => boolean }>
>;

export function refusedFields<R extends RefusedParameters>(refused: R): { [K in keyof R]: TOptional<TUnknown> } {
  const fields = Object.entries(refused).map(([name, { reason }]) => [
    name,
    Type.Optional(Type.Unknown({ description: `Not supported: ${reason}.` })),
  ]);
  return Object.fromEntries(fields);
}

export function checkRefused(refused: RefusedParameters, body: Readonly<Record<string, unknown>>): void {
  for (const [param, { reason, harmless }] of Object.entries(refused)) {
    const value = body[param];
    if (value === undefined || harmless?.(value)) continue;
    throw new AppError('unsupported_parameter', { param, reason });
  }
}

export function toSampling(body: GenerationBody): SamplingParams {
  return {
    temperature: body.temperature ?? 0,
    topP: body.top_p ?? 1,
    topK: Math.max(0, body.top_k ?? 0),
    minP: body.min_p ?? 0,
    repetitionPenalty: body.repetition_penalty ?? 1,
    presencePenalty: body.presence_penalty ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    seed: body.seed ?? null,
    logitBias: toLogitBias(body.logit_bias ?? {}),
  };
}

/** OpenAI's flex processing is what may be slow. */
export function toPriority({ service_tier: tier }: GenerationBody): Priority {
  return tier === 'flex' ? 'batch' : 'interactive';
}

export function toStop(stop: GenerationBody['stop']): readonly string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}

function toLogitBias(given: Readonly<Record<string, number>>): Record<number, number> {
  const bias: Record<number, number> = {};
  for (const [token, value] of Object.entries(given)) {
    if (!/^\d{1,9}$/.test(token)) {
      throw new AppError('invalid_value', { param: 'logit_bias', reason: 'its names must be token ids' });
    }
    bias[Number(token)] = value;
  }
  return bias;
}
