/** The two ways to deliver an answer of the pipeline: in one piece, and as it comes. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import type { GeneratedToken } from '../../../contracts/generator.js';
import type { ToolCall } from '../../../contracts/prompt.js';
import { errorResponses } from '../../../errors/responses.js';
import type { AnswerEvent, ChoiceEnd } from '../../../pipeline/types.js';
import type { Services } from '../../app.js';
import { noteAnswer } from '../../plugins/log-fields.js';
import { toReceipt } from './receipts.js';
import { writeRoute } from './routing.js';
import { type Framing, streamAnswer } from './stream.js';

type Routed = Extract<AnswerEvent, { type: 'routed' }>;
type Finished = Extract<AnswerEvent, { type: 'finished' }>;

/** What a route answers with that delivers in both ways. @param what begins the description: `The answer` */
export function answerResponses<T extends TSchema>(what: string, body: T, streamed = 'its chunks and `[DONE]`') {
  return {
    200: {
      description: `${what}, or with \`stream\` ${streamed}.`,
      content: {
        'application/json': { schema: body },
        'text/event-stream': { schema: Type.String() },
      },
    },
    ...errorResponses,
  };
}

/** What every chunk and every response say of their answer. */
interface AnswerHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export interface CollectedChoice extends ChoiceEnd {
  readonly text: string;
  /** Empty where the model did not think. */
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
  readonly logprobs: readonly GeneratedToken[];
}

export interface CollectedAnswer {
  readonly head: AnswerHead;
  /** One at least. */
  readonly choices: readonly CollectedChoice[];
  readonly finished: Finished;
}

/** How one kind of answer is cut into chunks; an event may have none. */
export type EncodeChunks = (head: AnswerHead, event: Exclude<AnswerEvent, Routed>) => readonly object[];

export function toUsage({ usage }: Finished) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
  };
}

/** Beside an answer that it was asked for with. */
export function receiptOf({ include_receipt: wanted }: { include_receipt?: boolean }, { record }: Finished) {
  return wanted ? { receipt: toReceipt(record, null) } : {};
}

export function choiceOf(event: object): number {
  return 'choice' in event ? (event.choice as number) : 0;
}

interface Streamed {
  readonly n?: number;
  readonly include_receipt?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

/**
 * The end of a stream: how the answer ended, where its only choice ends with it, then what was asked for beside it.
 * @param end of the choice
 */
export function lastChunks(body: Streamed, event: Finished, end: object): readonly object[] {
  const receipt = receiptOf(body, event);
  const ends = (body.n ?? 1) > 1 ? [] : [end];
  if (body.stream_options?.include_usage) return [...ends, { ...end, choices: [], usage: toUsage(event), ...receipt }];
  if (ends.length === 0) return body.include_receipt ? [{ ...end, choices: [], ...receipt }] : [];
  return [{ ...end, ...receipt }];
}

interface Delivery {
  readonly stream: boolean;
  readonly encode: EncodeChunks;
  readonly toBody: (answer: CollectedAnswer) => object;
}

/** Gives an answer to the client; returns what the route's handler has to return. */
export type Deliver = (
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<AnswerEvent>,
  delivery: Delivery,
) => Promise<object>;

export function createDeliver({ config, engines }: Pick<Services, 'config' | 'engines'>): Deliver {
  return async (request, reply, events, { stream, encode, toBody }) => {
    const toHead = ({ id, createdAtMs, route }: Routed): AnswerHead => ({
      id,
      created: Math.floor(createdAtMs / 1000),
      model: route.model,
      system_fingerprint: `fp_${engines.base.baseDigest.slice(0, 12)}`,
    });
    if (stream) {
      let head: AnswerHead;
      const framing: Framing = {
        encode(event) {
          if (event.type !== 'routed') return encode(head, event).map((data) => ({ data }));
          head = toHead(event);
          return [];
        },
        failed: (error) => [{ data: error.toWire() }],
        last: [{ data: '[DONE]' }],
      };
      await streamAnswer(request, reply, events, framing, config.server.keepAlivePingMs);
      return reply;
    }
    const answer = await collectAnswer(request, reply, events, toHead);
    if (answer !== null) return toBody(answer);
    reply.hijack();
    return reply;
  };
}

/** The whole answer, or null where the client went away meanwhile. */
async function collectAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<AnswerEvent>,
  toHead: (event: Routed) => AnswerHead,
): Promise<CollectedAnswer | null> {
  let head: AnswerHead | null = null;
  const choices: Growing[] = [];
  let finished: Finished | null = null;
  for await (const event of events) {
    noteAnswer(request.logged, event);
    if (event.type === 'routed') {
      writeRoute(reply, event.route);
      head = toHead(event);
    } else if (event.type === 'finished') {
      finished = event;
    } else if (event.type !== 'started') {
      const { choice = 0 } = event;
      grow((choices[choice] ??= empty()), event);
    }
  }
  if (head === null || finished === null) return null;
  // An answer without any text is one all the same.
  if (choices.length === 0) choices.push(empty());
  const { reason, stopText, grounding } = finished;
  const ending: ChoiceEnd = { reason, stopText, grounding };
  return { head, choices: choices.map((choice) => wholeOf(choice, choice.end ?? ending)), finished };
}

/** Member by member: what is left of an object is looked for one name after the other (decision 0116). */
function wholeOf(
  { text, reasoning, calls, logprobs }: Growing,
  { reason, stopText, grounding }: ChoiceEnd,
): CollectedChoice {
  return { text, reasoning, calls, logprobs, reason, stopText, grounding };
}

const empty = (): Growing => ({ text: '', reasoning: '', calls: [], logprobs: [], end: null });

interface Growing {
  text: string;
  reasoning: string;
  readonly calls: { id: string; name: string; arguments: string }[];
  readonly logprobs: GeneratedToken[];
  /** null where there is one choice: it ends with the answer. */
  end: ChoiceEnd | null;
}

function grow(choice: Growing, event: Exclude<AnswerEvent, { type: 'routed' | 'started' | 'finished' }>): void {
  switch (event.type) {
    case 'delta':
      choice.text += event.text;
      choice.logprobs.push(...event.logprobs);
      return;
    case 'reasoning':
      choice.reasoning += event.text;
      return;
    case 'tool_call':
      choice.calls[event.index] = { id: event.id, name: event.name, arguments: '' };
      return;
    case 'tool_arguments':
      choice.calls[event.index]!.arguments += event.text;
      return;
    case 'choice_finished':
      choice.end = event;
  }
}
