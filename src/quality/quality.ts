import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../contracts/clock.js';
import type { AnswerTexts, JudgeAnswer } from '../contracts/judge.js';
import type { AnswerSignals } from '../contracts/quality.js';
import type { AnswerRecord } from '../contracts/registry.js';
import { answerLabels } from '../metrics/answer-labels.js';
import type { Metrics } from '../metrics/metrics.js';
import { bytesOf } from '../queues/bytes-of.js';
import { signalsOf } from './signals.js';
import type { WatchDrift } from './watch-drift.js';

export interface QualityOptions {
  /** Vectors of texts, behind everything that somebody waits for. */
  readonly embed: (tenant: string, texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>;
  readonly record: (signals: AnswerSignals) => Promise<void>;
  readonly watchDrift: WatchDrift;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Answers that may wait, and bytes of their texts. Beyond either they are left out: quality is a sample then. */
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  /** Told when the signals of an answer could not be computed or kept. */
  readonly onFailed: (error: unknown, answerId: string) => void;
}

export interface Quality {
  readonly judge: JudgeAnswer;
  /** Resolves when every answer that waits has been judged, or `close` was called. */
  settled(): Promise<void>;
  /** Leaves out what still waits. */
  close(): Promise<void>;
}

interface Waiting {
  readonly record: AnswerRecord;
  readonly texts: AnswerTexts;
  readonly bytes: number;
}

/** Where more is answered than can be judged, those that are judged are a sample anyway, and a sample takes a tenth of the time (decision 0107). */
const REST = 9;

/** Judges answers one at a time, behind everything else; their texts are gone once they are judged. */
export function createQuality(options: QualityOptions): Quality {
  const { embed, record: keep, watchDrift, metrics, clock, maxWaiting, maxWaitingBytes, onFailed } = options;
  const waiting: Waiting[] = [];
  const closing = new AbortController();
  let waitingBytes = 0;
  let running: Promise<void> | null = null;

  async function judgeWaiting(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      waitingBytes -= next.bytes;
      const beganMs = clock.monotonicMs();
      await judgeOne(next);
      if (waiting.length > maxWaiting / 2) await rest((clock.monotonicMs() - beganMs) * REST);
    }
    running = null;
  }

  async function judgeOne({ record, texts }: Waiting): Promise<void> {
    const startedMs = clock.monotonicMs();
    try {
      const embedOwn = (some: readonly string[]) => embed(record.tenant, some, closing.signal);
      const signals = await signalsOf(record, texts, { embed: embedOwn, nowMs: clock.now });
      const isSeen = record.assignedBy !== 'shadow';
      if (isSeen) measure(metrics, record, signals);
      metrics.add('answers_judged_total', { outcome: 'judged' });
      const [question] = isSeen && texts.question !== '' ? await embedOwn([texts.question]) : [];
      await keep({ ...signals, cluster: question ? await watchDrift(record, signals, question) : null });
    } catch (error) {
      if (closing.signal.aborted) return;
      metrics.add('answers_judged_total', { outcome: 'failed' });
      onFailed(error, record.id);
    }
    metrics.observe('judge_duration_seconds', {}, (clock.monotonicMs() - startedMs) / 1000);
  }

  const rest = (ms: number) => sleep(ms, undefined, { signal: closing.signal }).catch(() => {});

  metrics.beforeScrape(() => metrics.set('judge_queue_length', {}, waiting.length));

  return {
    judge(record, texts) {
      const bytes = bytesOf([texts.question, texts.answer, texts.passages]);
      // Copies leave half of the room to answers that somebody saw.
      const share = record.assignedBy === 'shadow' ? 0.5 : 1;
      const isFull = waiting.length >= share * maxWaiting || waitingBytes + bytes > share * maxWaitingBytes;
      if (closing.signal.aborted || isFull) {
        metrics.add('answers_judged_total', { outcome: 'dropped' });
        return;
      }
      waiting.push({ record, texts, bytes });
      waitingBytes += bytes;
      // Behind the answer that is being given: its last bytes go first.
      running ??= new Promise<void>((resolve) => setImmediate(resolve)).then(judgeWaiting);
    },
    settled: async () => {
      await running;
    },
    async close() {
      closing.abort();
      waiting.length = 0;
      await running;
    },
  };
}

function measure(metrics: Metrics, record: AnswerRecord, signals: AnswerSignals): void {
  const labels = answerLabels(record);
  const { groundedness, citationValidity, refused, truncated, words } = signals;
  if (groundedness !== null) metrics.observe('answer_groundedness', labels, groundedness);
  if (citationValidity !== null) metrics.observe('answer_citation_validity', labels, citationValidity);
  metrics.observe('answer_words', labels, words);
  if (refused) metrics.add('answer_refusals_total', labels);
  if (truncated) metrics.add('answer_truncations_total', labels);
}
