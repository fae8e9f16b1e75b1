/** OpenAI's parameters that all ways of generating share: their schema, and what they mean to the engine. */
import { type Static, type TOptional, type TSchema, type TUnknown, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Priority, SamplingParams } from '../../../contracts/generator.js';
import { AppError } from '../../../errors/app-error.js';
import { DEFAULT_SAMPLING } from '../../../pipeline/sampling.js';

/** Of parameters that clients send to speed up or to keep what this server does not; see `ignored.ts`. */
export const WITHOUT_EFFECT = 'Accepted without effect; the response names it in `x-ignored-parameters`.';

/** Texts that may end an answer; a client that emulates tools needs more than the four of OpenAI. */
const MAX_STOPS = 16;

/** Each is a row of the engine. */
const MAX_CHOICES = 8;

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
      default: DEFAULT_SAMPLING.temperature,
      description:
        '0, the default here (OpenAI: 1), always takes the likeliest token. Like all defaults of sampling, a deployment may have another one.',
    }),
  ),
  top_p: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      default: DEFAULT_SAMPLING.topP,
      description: '0 leaves the likeliest token alone.',
    }),
  ),
  top_k: Type.Optional(
    Type.Integer({ minimum: -1, default: DEFAULT_SAMPLING.topK, description: 'Extension. 0 and -1: off.' }),
  ),
  min_p: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, default: DEFAULT_SAMPLING.minP, description: 'Extension.' }),
  ),
  repetition_penalty: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 10,
      default: DEFAULT_SAMPLING.repetitionPenalty,
      description: 'Extension. 1: off.',
    }),
  ),
  presence_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2, default: DEFAULT_SAMPLING.presencePenalty })),
  frequency_penalty: Type.Optional(
    Type.Number({ minimum: -2, maximum: 2, default: DEFAULT_SAMPLING.frequencyPenalty }),
  ),
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
      Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: MAX_STOPS }),
    ]),
  ),
  n: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_CHOICES,
      default: 1,
      description: 'Answers to the one prompt, which counts once. With a seed each has its own: seed, seed + 1, …',
    }),
  ),
  stream: Type.Optional(Type.Boolean({ default: false })),
  stream_options: Type.Optional(
    Type.Object(
      {
        include_usage: Type.Optional(Type.Boolean({ default: false })),
        include_obfuscation: Type.Optional(Type.Boolean({ description: WITHOUT_EFFECT })),
      },
      { additionalProperties: false, description: 'Needs stream.' },
    ),
  ),
  user: Type.Optional(
    Type.String({
      description:
        'Keeps one user on one arm of a canary. A keyed hash of it is kept, so that records can be forgotten.',
    }),
  ),
  include_receipt: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'Extension. Puts a receipt beside the answer, in a stream into its last chunk; its signals come later.',
    }),
  ),
  service_tier: Type.Optional(
    Type.Enum(['auto', 'default', 'flex', 'scale', 'priority'], {
      description: '`flex` gets what other requests leave; every other tier is served alike.',
    }),
  ),
  store: Type.Optional(Type.Boolean({ description: WITHOUT_EFFECT })),
};

const GenerationBody = Type.Object(generationFields);
type GenerationBody = Static<typeof GenerationBody>;
type SamplingBody = Pick<
  GenerationBody,
  | 'temperature'
  | 'top_p'
  | 'top_k'
  | 'min_p'
  | 'repetition_penalty'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'seed'
  | 'logit_bias'
>;

/** Parameters that would change the answer but cannot be honoured; `harmless` values ask for what happens anyway. */
export type RefusedParameters = Readonly<Record<string, { readonly reason: string; readonly harmless?: TSchema }>>;

export function refusedFields<R extends RefusedParameters>(refused: R): { [K in keyof R]: TOptional<TUnknown> } {
  const fields = Object.entries(refused).map(([name, { reason, harmless: accepts = Type.Null() }]) => [
    name,
    Type.Optional(Type.Unknown({ description: `Not supported: ${reason}.`, accepts })),
  ]);
  return Object.fromEntries(fields);
}

/** @param at where they stand; left out: in the body itself */
export function checkRefused(refused: RefusedParameters, body: Readonly<Record<string, unknown>>, at?: string): void {
  for (const [name, { reason, harmless }] of Object.entries(refused)) {
    const value = body[name];
    const param = at === undefined ? name : `${at}.${name}`;
    if (value === undefined || (harmless && Value.Check(harmless, value))) continue;
    throw new AppError('unsupported_parameter', { param, reason });
  }
}

const SAMPLING_NAMES = Object.keys(DEFAULT_SAMPLING) as (keyof SamplingParams)[];

/** What was asked for; what is left out is the deployment's. */
export function toSampling(body: SamplingBody): Partial<SamplingParams> {
  const given = {
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k && Math.max(0, body.top_k),
    minP: body.min_p,
    repetitionPenalty: body.repetition_penalty,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    seed: body.seed,
    logitBias: body.logit_bias && toLogitBias(body.logit_bias),
  };
  const sampling: Record<string, unknown> = {};
  for (const name of SAMPLING_NAMES) if (given[name] !== undefined) sampling[name] = given[name];
  return sampling;
}

/** What only a stream has cannot be asked of a whole answer. @throws AppError `invalid_value` */
export function checkStreamOptions({ stream, stream_options: options }: GenerationBody): void {
  if (options === undefined || stream) return;
  throw new AppError('invalid_value', { param: 'stream_options', reason: 'needs stream to be true' });
}

/** OpenAI's flex processing is what may be slow. */
export function toPriority({ service_tier: tier }: Pick<GenerationBody, 'service_tier'>): Priority {
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
