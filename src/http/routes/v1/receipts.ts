import { Type } from 'typebox';
import type { AnswerSignals } from '../../../contracts/quality.js';
import type { AnswerRecord } from '../../../contracts/registry.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Share = nullable(Type.Number({ minimum: 0, maximum: 1 }));
const Ms = nullable(Type.Number({ minimum: 0 }));
const Text = nullable(Type.String());

const Signals = Type.Object(
  {
    groundedness: Share,
    least_grounded: Share,
    citation_validity: Share,
    citation_coverage: Share,
    numbers_grounded: Share,
    refused: Type.Boolean(),
    truncated: Type.Boolean(),
    words: Type.Integer(),
    repeated_ngrams: Share,
    mean_logprob: nullable(Type.Number()),
    least_logprob: nullable(Type.Number()),
    top_score: nullable(Type.Number()),
    score_gap: nullable(Type.Number()),
    language: Text,
    question_language: Text,
    sentiment: nullable(Type.Number({ minimum: -1, maximum: 1 })),
    cluster: nullable(Type.Integer({ description: "Topic of the deployment's baseline; null: there is none yet." })),
    computed_at: Type.Integer(),
  },
  { description: 'What the answer was worth: docs/guides/quality.md.' },
);

export const Receipt = Type.Object(
  {
    object: Type.Literal('receipt'),
    id: Type.String({ description: 'Of the answer.' }),
    request_id: Type.String(),
    created: Type.Integer({ description: 'Seconds since the epoch.' }),
    deployment: Type.String(),
    deployment_revision: nullable(Type.Integer()),
    adapter: Text,
    adapter_digest: Text,
    base_digest: Text,
    prompt_digest: nullable(
      Type.String({ description: 'Of the rules and instructions in the prompt: another one, another prompt.' }),
    ),
    engine: nullable(Type.String({ description: 'That gave it: `embedded`, or the name of a pool.' })),
    arm: Type.String({ description: '`stable`, `canary`, `pinned`, `base`, or the name of an arm of an experiment.' }),
    assigned_by: Type.Enum(['weight', 'header', 'group', 'pin', 'shadow', 'experiment'], {
      description: 'Why it was that arm.',
    }),
    pair: nullable(
      Type.String({
        description:
          'Of an answer whose question the canary answered again, and of that copy: the id of the one that was seen.',
      }),
    ),
    store_snapshot: nullable(Type.String({ description: 'State of the documents that were searched.' })),
    passages: Type.Array(
      Type.Object({
        id: Type.String(),
        score: Type.Number(),
        file_id: Text,
        byte_start: nullable(Type.Integer()),
        byte_end: nullable(Type.Integer()),
      }),
      { description: 'That the model was given, in their order.' },
    ),
    tools: Type.Array(
      Type.Object({
        name: Type.String(),
        outcome: Type.Enum(['ok', 'failed']),
        status: nullable(Type.Integer({ description: 'Of HTTP; null: nothing answered.' })),
        bytes: Type.Integer(),
        duration_ms: Type.Number(),
      }),
      { description: 'Calls that the gateway made for the answer.' },
    ),
    safety: nullable(
      Type.Object(
        {
          policy: Type.String({ description: 'With its revision: `bank@3`.' }),
          decisions: Type.Array(
            Type.Object({
              stage: Type.Enum(['input', 'passages', 'output']),
              rule: Type.String(),
              kind: Type.Enum(['pattern', 'personal', 'profanity', 'topic', 'injection']),
              action: Type.Enum(['block', 'redact', 'flag', 'refuse']),
              count: Type.Integer({ description: 'How often the rule found something.' }),
            }),
          ),
        },
        { description: "What the deployment's safety policy decided; null: it has none." },
      ),
    ),
    outcome: Type.String({
      description: '`completed`, `refused` by the safety policy, `aborted`, or the code of an error.',
    }),
    finish_reason: nullable(Type.Enum(['stop', 'length', 'tool_calls', 'content_filter'])),
    usage: Type.Object({
      prompt_tokens: Type.Integer(),
      cached_tokens: nullable(Type.Integer()),
      completion_tokens: Type.Integer(),
    }),
    timings_ms: Type.Object({
      queue: Ms,
      retrieval: Ms,
      prefill: Ms,
      decode: Ms,
      first_token: Ms,
      total: Type.Number({ minimum: 0 }),
    }),
    signals: nullable(Signals),
  },
  { description: 'Why an answer was given. It holds no text.' },
);

/** The route that tells, months later, why an answer was given. */
export function addReceipts(app: App, { registry }: Services): void {
  app.get(
    '/v1/receipts/:answer_id',
    {
      config: { scope: 'inference' },
      schema: {
        summary: 'Show why an answer was given',
        description:
          'By the `id` of the answer. `signals` are null until the answer has been judged, a moment after it was given.',
        operationId: 'getReceipt',
        tags: ['generation'],
        params: Type.Object({ answer_id: Type.String() }),
        response: { 200: Receipt, ...errorResponses },
      },
    },
    async ({ principal: { tenant }, params: { answer_id: id } }) => {
      const [record, signals] = [await registry.getAnswer(tenant, id), await registry.getSignals(tenant, id)];
      return toReceipt(record, signals);
    },
  );
}

/** @param signals null: not judged yet */
export function toReceipt(record: AnswerRecord, signals: AnswerSignals | null) {
  return {
    object: 'receipt' as const,
    id: record.id,
    request_id: record.requestId,
    created: Math.floor(record.createdAt / 1000),
    deployment: record.deployment,
    deployment_revision: record.deploymentRevision,
    adapter: record.adapter,
    adapter_digest: record.adapterDigest,
    base_digest: record.baseDigest,
    prompt_digest: record.promptDigest,
    engine: record.engine,
    arm: record.arm,
    assigned_by: record.assignedBy,
    pair: record.pair ?? null,
    store_snapshot: record.storeSnapshot,
    passages: record.passages.map(({ id, score, fileId, byteStart, byteEnd }) => ({
      id,
      score,
      file_id: fileId ?? null,
      byte_start: byteStart ?? null,
      byte_end: byteEnd ?? null,
    })),
    tools: (record.tools ?? []).map(({ durationMs, ...run }) => ({ ...run, duration_ms: durationMs })),
    safety: record.safety && { policy: record.safety.policy, decisions: [...record.safety.decisions] },
    outcome: record.outcome,
    finish_reason: record.finishReason,
    usage: {
      prompt_tokens: record.promptTokens,
      cached_tokens: record.cachedTokens,
      completion_tokens: record.completionTokens,
    },
    timings_ms: {
      queue: record.queueMs,
      retrieval: record.retrievalMs,
      prefill: record.prefillMs,
      decode: record.decodeMs,
      first_token: record.firstTokenMs,
      total: record.durationMs,
    },
    signals: signals && toSignals(signals),
  };
}

function toSignals(signals: AnswerSignals) {
  return {
    groundedness: signals.groundedness,
    least_grounded: signals.leastGrounded,
    citation_validity: signals.citationValidity,
    citation_coverage: signals.citationCoverage,
    numbers_grounded: signals.numbersGrounded,
    refused: signals.refused,
    truncated: signals.truncated,
    words: signals.words,
    repeated_ngrams: signals.repeatedNgrams,
    mean_logprob: signals.meanLogprob,
    least_logprob: signals.leastLogprob,
    top_score: signals.topScore,
    score_gap: signals.scoreGap,
    language: signals.language,
    question_language: signals.questionLanguage,
    sentiment: signals.sentiment,
    cluster: signals.cluster,
    computed_at: Math.floor(signals.computedAt / 1000),
  };
}
