/**
 * Every metric: its type, labels, buckets and meaning. The only home of their names (without the prefix);
 * `docs/reference/metrics.md` is generated from it. Base units: seconds, bytes, tokens.
 */

export const METRIC_PREFIX = 'switchyard_';

export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

/** Which version answered whom: carried by everything that is measured of an answer. */
const ANSWER = ['tenant', 'deployment', 'adapter', 'arm'] as const;

/** Bucket bounds in seconds: those of OpenTelemetry's GenAI conventions, finer where this engine is faster. */
const FIRST_TOKEN = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const PER_TOKEN = [
  0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1,
  2.5,
];
const OPERATION = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const SHORT = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SCORE = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const WORDS = [5, 10, 20, 40, 80, 160, 320, 640, 1280];
const ROWS = [1, 2, 4, 8, 16, 32, 64];

function counter<const L extends readonly string[]>(help: string, labels: L) {
  return { type: 'counter', help, labels } as const;
}
function gauge<const L extends readonly string[]>(help: string, labels: L) {
  return { type: 'gauge', help, labels } as const;
}
function histogram<const L extends readonly string[]>(help: string, labels: L, buckets: readonly number[]) {
  return { type: 'histogram', help, labels, buckets } as const;
}

export const METRICS = {
  requests_total: counter('Answers asked for: completed, aborted by the client, or the code of the error.', [
    ...ANSWER,
    'outcome',
  ]),
  request_duration_seconds: histogram('From the request to the end of its answer.', ANSWER, OPERATION),
  time_to_first_token_seconds: histogram('From the request to the first token of its answer.', ANSWER, FIRST_TOKEN),
  time_per_output_token_seconds: histogram('Mean time between two tokens of an answer.', ANSWER, PER_TOKEN),
  queue_duration_seconds: histogram('Wait for a slot of the engine.', ANSWER, SHORT),
  prefill_duration_seconds: histogram('Time in which the engine read the prompt.', ANSWER, SHORT),
  decode_duration_seconds: histogram('Time in which the engine wrote the answer.', ANSWER, OPERATION),
  tokens_total: counter('Tokens read (prompt) and written (completion), those of aborted answers too.', [
    ...ANSWER,
    'direction',
  ]),
  retrieval_duration_seconds: histogram('Search for passages, by stage.', ['tenant', 'stage'], SHORT),
  tool_duration_seconds: histogram(
    'Calls of functions that the gateway made, by how they ended.',
    ['tenant', 'deployment', 'outcome'],
    SHORT,
  ),
  retrieval_top_score: histogram('Score of the best passage found for a question.', ['tenant', 'deployment'], SCORE),
  answer_citations_total: counter('Citations of passages in answers.', ANSWER),
  safety_decisions_total: counter('What rules of safety policies found, by stage, kind of rule and action.', [
    'tenant',
    'deployment',
    'stage',
    'kind',
    'action',
  ]),
  safety_duration_seconds: histogram(
    'Screening by a safety policy, by stage; of answers, all their pieces.',
    ['stage'],
    SHORT,
  ),
  answer_groundedness: histogram('How far the sentences of an answer are supported by its passages.', ANSWER, SCORE),
  answer_citation_validity: histogram('Share of citations whose passage holds what the sentence says.', ANSWER, SCORE),
  answer_words: histogram('Words of an answer.', ANSWER, WORDS),
  answer_refusals_total: counter('Answers that say that they cannot answer.', ANSWER),
  answer_truncations_total: counter('Answers that the limit of tokens ended.', ANSWER),
  answers_judged_total: counter('Answers whose signals were computed, could not be, or were left out under load.', [
    'outcome',
  ]),
  query_drift_psi: gauge(
    'Population stability index of the last 500 answers against the baseline, of topics, scores, words and languages.',
    ['tenant', 'deployment', 'of'],
  ),
  drift_alarms_total: counter('Changes found: of a topic, of refusals, of low groundedness.', [
    'tenant',
    'deployment',
    'of',
  ]),
  captures_total: counter('Answers whose texts a tenant wants kept: kept, failed, or left out under load.', [
    'outcome',
  ]),
  judge_duration_seconds: histogram('Computing the signals of an answer, waits included.', [], SHORT),
  judge_queue_length: gauge('Answers that wait to be judged.', []),
  feedback_total: counter('Answers rated, each once by caller, by the first rating.', [...ANSWER, 'rating']),
  canary_weight: gauge('Percentage of traffic that the canary gets.', ['tenant', 'deployment', 'adapter']),
  canary_verdict: gauge('What the judge says of the canary: 1 good, 0 not yet known, -1 worse.', [
    'tenant',
    'deployment',
    'adapter',
  ]),
  shadow_answers_total: counter(
    'Questions that a canary was to answer again, seen by nobody: completed, failed, or dropped because somebody else waited. In no other metric of answers.',
    ['tenant', 'deployment', 'adapter', 'outcome'],
  ),
  evaluation_answers_total: counter(
    'Questions of evaluations that versions answered (completed), or had no answer to (failed). In no other metric of answers.',
    ['tenant', 'adapter', 'outcome'],
  ),
  jobs_ended_total: counter('Jobs of evaluations and imports that ended by themselves: completed or failed.', [
    'kind',
    'outcome',
  ]),
  webhook_deliveries_total: counter(
    'Attempts to tell webhooks of changes: delivered, failed (tried again), given_up.',
    ['outcome'],
  ),
  rollout_decisions_total: counter(
    'What was done with a rollout after a look at it: hold, advance, promote, rollback.',
    ['tenant', 'deployment', 'action'],
  ),
  deployment_engine: gauge('1 for the engine that a deployment names; none for one that has the default.', [
    'tenant',
    'deployment',
    'engine',
  ]),
  adapter_swap_seconds: histogram('Time to bring an adapter into the bank.', ['engine'], SHORT),
  adapters_resident: gauge('Adapters in the bank.', ['engine']),
  kv_slots: gauge('Slots of an engine.', ['engine']),
  kv_slots_in_use: gauge('Slots with a request in them.', ['engine']),
  engine_up: gauge('1 while an engine can answer.', ['engine']),
  engine_queue_length: gauge('Requests that wait for a slot.', ['engine']),
  engine_step_duration_seconds: histogram('One step of the engine.', ['kind'], SHORT),
  engine_prefix_tokens_total: counter('Prompt tokens found in the prefix cache, or computed.', ['engine', 'outcome']),
  engine_passage_tokens_total: counter(
    'Tokens of passages that are read by themselves, found as they were computed before (hit), or computed (miss).',
    ['tenant', 'deployment', 'outcome'],
  ),
  engine_passage_turns_total: counter('Passages whose keys were turned to another position.', ['tenant', 'deployment']),
  engine_passage_bytes: gauge(
    'Keys and values of passages that are kept. Deployments of a tenant share those of an adapter.',
    ['tenant'],
  ),
  engine_drafted_tokens_total: counter('Tokens guessed ahead, by whether the model agreed.', ['outcome']),
  engine_step_rows: histogram('Requests that shared one step of the engine.', ['kind'], ROWS),
  upstream_replicas: gauge('Servers of a pool, by state: up, down, ejected, draining.', ['engine', 'state']),
  upstream_tries_total: counter(
    'Attempts at answers, by how they ended: completed, aborted, broken, busy, adapter (cannot be loaded), stale (was lost), refused.',
    ['engine', 'outcome'],
  ),
  tokenizer_queue_length: gauge('Prompts and counts that wait for a tokenizer process.', []),
  passages: gauge('Passages that can be found.', []),
  jobs: gauge('Jobs that wait (queued) or are worked on (running).', ['kind', 'status']),
  ingest_queue_length: gauge('Files that wait for ingestion.', []),
  ingest_files_total: counter('Files ingested.', ['outcome']),
  ingest_passages_total: counter('Passages made from files.', []),
  ingest_duration_seconds: histogram('Ingestion of one file.', [], OPERATION),
  reembedded_passages_total: counter('Passages that got vectors of another embedding model.', []),
  embedder_memory_bytes: gauge(
    'Weights of an embedding model in memory; 0: it is loaded when it is needed. Those of the configuration, and what stores still have vectors of.',
    ['embedder'],
  ),
  index_rebuild_seconds: histogram('Rebuilding of an index from its rows.', [], OPERATION),
  check_ready: gauge('1 while a part does all of its work: engine, tokenizer, retrieval, documents, storage.', [
    'check',
  ]),
  registry_behind_seconds: gauge(
    'Since it was known last that nothing is missing here of what the other gateways did; 0: no other gateway shares the registry.',
    [],
  ),
  disk_free_bytes: gauge('Free on the disk with the data folder.', []),
  disk_size_bytes: gauge('Size of the disk with the data folder.', []),
  backup_interval_seconds: gauge('Pause between two backups on a schedule; 0: none are made.', []),
  backup_last_success_timestamp_seconds: gauge(
    'When the newest backup on the schedule was made that is whole, here and in the store; 0: never.',
    [],
  ),
  backups_total: counter('Backups on the schedule: completed, or failed.', ['outcome']),
  child_up: gauge('1 while the child process can serve.', ['process']),
  child_restarts_total: counter('Restarts of a child process.', ['process']),
  child_resident_memory_bytes: gauge('Resident memory of a child process.', ['process']),
  http_requests_total: counter('HTTP requests by their status; 499 where the client hung up.', [
    'method',
    'route',
    'status',
  ]),
  http_request_duration_seconds: histogram('HTTP requests, to the last byte.', ['method', 'route'], OPERATION),
  http_requests_in_flight: gauge('HTTP requests not yet answered in full.', []),
  websockets_open: gauge('WebSockets that are open.', []),
  label_overflow_total: counter('Label values replaced by "other" because their label was full.', ['label']),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;
type NameOf<T extends MetricSpec['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];
export type CounterName = NameOf<'counter'>;
export type GaugeName = NameOf<'gauge'>;
export type HistogramName = NameOf<'histogram'>;
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;
/** Labels of everything that is measured of an answer. */
export type AnswerLabels = LabelsOf<'answer_citations_total'>;
