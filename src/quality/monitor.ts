import type { AnswerSignals } from '../contracts/quality.js';
import { accumulate, type Cusum, NO_CHANGE, rateBounds, stabilityIndex } from './drift.js';
import { type Gathered, GatheredAnswers } from './gathered.js';
import { nearestTopic, topicsOf } from './topics.js';

/** Answers that a baseline is made of. */
export const BASELINE_ANSWERS = 1000;
/** The newest answers, which are compared with it. */
const WINDOW_ANSWERS = 500;
const TOPICS = 16;
/**
 * A rate that is so many times as large, or small, is found; and how far its sum grows until it is: by `npm run bench -- drift`
 * less than one false alarm a month at 10,000 answers a day.
 */
const FACTOR = 1.7;
const ALARM_AT = 14;
const LOW_GROUNDEDNESS = 0.4;
const WORDS = [5, 10, 20, 40, 80, 160, 320];
const SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

export const DISTRIBUTIONS = ['topics', 'scores', 'words', 'languages'] as const;
type Distribution = (typeof DISTRIBUTIONS)[number];
const RATES = ['refusals', 'low_groundedness'] as const;
type Rate = (typeof RATES)[number];

/** What one answer adds to a deployment's picture. */
interface Observation {
  readonly bins: Readonly<Record<Distribution, number>>;
  /** null: it cannot be told of this answer. */
  readonly rates: Readonly<Record<Rate, boolean | null>>;
}

/** What a deployment was asked, and how it answered, when all was well. */
export interface Baseline {
  readonly centroids: readonly Float32Array[];
  /** Counts by bin. */
  readonly bins: Readonly<Record<Distribution, readonly number[]>>;
  readonly rates: Readonly<Record<Rate, number>>;
  /** Languages by bin; the last bin is all others. */
  readonly languages: readonly string[];
}

export interface Drift {
  /** Population stability index of the newest answers; null before there are enough. */
  readonly psi: Readonly<Record<Distribution, number>> | null;
  /** What changed with this answer, each once until a baseline is set again or the sum has come back to nothing. */
  readonly alarms: readonly string[];
}

const NOTHING: Drift = { psi: null, alarms: [] };

/** Watches one deployment: gathers a baseline where there is none, then compares what comes with it. */
export class DriftMonitor {
  #baseline: Baseline | null;
  /** Of the baseline to come; null: there is one that stays. */
  #gathered: GatheredAnswers | null;
  #window: Observation[] = [];
  readonly #sums = new Map<string, Cusum>();
  readonly #raised = new Set<string>();

  constructor(baseline: Baseline | null) {
    this.#baseline = baseline;
    this.#gathered = baseline === null ? new GatheredAnswers() : null;
  }

  get baseline(): Baseline | null {
    return this.#baseline;
  }

  /** The topic of a question; null before there is a baseline. */
  topicOf(question: Float32Array): number | null {
    return this.#baseline && nearestTopic(question, this.#baseline.centroids);
  }

  /** What comes from now on makes the next baseline. This one counts until that is whole. */
  renew(): void {
    this.#gathered ??= new GatheredAnswers();
  }

  add(signals: AnswerSignals, question: Float32Array): Drift {
    const drift =
      this.#baseline === null ? NOTHING : this.#compare(observe(signals, question, this.#baseline), this.#baseline);
    this.#gathered?.add(signals, question);
    if (this.#gathered?.count === BASELINE_ANSWERS) {
      this.#baseline = baselineOf(this.#gathered.all());
      this.#gathered = null;
      this.#window = [];
      this.#sums.clear();
      this.#raised.clear();
    }
    return drift;
  }

  #compare(observation: Observation, baseline: Baseline): Drift {
    this.#window.push(observation);
    if (this.#window.length > WINDOW_ANSWERS) this.#window.shift();
    return { psi: this.#indexes(baseline), alarms: this.#accumulate(observation, baseline) };
  }

  #indexes(baseline: Baseline): Drift['psi'] {
    if (this.#window.length < WINDOW_ANSWERS) return null;
    const of = (name: Distribution) =>
      stabilityIndex(
        baseline.bins[name],
        countBins(
          this.#window.map(({ bins }) => bins[name]),
          baseline.bins[name].length,
        ),
      );
    return { topics: of('topics'), scores: of('scores'), words: of('words'), languages: of('languages') };
  }

  #accumulate({ bins, rates }: Observation, baseline: Baseline): string[] {
    const events: [string, boolean, number][] = baseline.bins.topics.map((count, topic) => [
      `topic ${topic}`,
      topic === bins.topics,
      count / BASELINE_ANSWERS,
    ]);
    for (const name of RATES) {
      const happened = rates[name];
      if (happened !== null) events.push([name, happened, baseline.rates[name]]);
    }
    return events.flatMap(([name, happened, before]) => {
      const bounds = rateBounds(before, BASELINE_ANSWERS);
      const sum = accumulate(this.#sums.get(name) ?? NO_CHANGE, happened, bounds, FACTOR);
      this.#sums.set(name, sum);
      const most = Math.max(sum.upper, sum.lower);
      if (most === 0) this.#raised.delete(name);
      if (most < ALARM_AT || this.#raised.has(name)) return [];
      this.#raised.add(name);
      return [name];
    });
  }
}

function baselineOf(gathered: readonly Gathered[]): Baseline {
  const centroids = topicsOf(
    gathered.map(({ question }) => question),
    TOPICS,
  );
  const languages = [...new Set(gathered.flatMap(({ signals }) => signals.questionLanguage ?? []))].sort();
  const empty = { topics: [], scores: [], words: [], languages: [] };
  const bare = { centroids, languages, bins: empty, rates: { refusals: 0, low_groundedness: 0 } };
  const seen = gathered.map(({ signals, question }) => observe(signals, question, bare));
  const bins = (name: Distribution, count: number) =>
    countBins(
      seen.map((one) => one.bins[name]),
      count,
    );
  return {
    ...bare,
    bins: {
      topics: bins('topics', centroids.length),
      scores: bins('scores', SCORES.length + 2),
      words: bins('words', WORDS.length + 1),
      languages: bins('languages', languages.length + 1),
    },
    rates: { refusals: share(seen, 'refusals'), low_groundedness: share(seen, 'low_groundedness') },
  };
}

function observe(
  signals: Gathered['signals'],
  question: Float32Array,
  { centroids, languages }: Pick<Baseline, 'centroids' | 'languages'>,
): Observation {
  const { topScore, words, questionLanguage, refused, groundedness } = signals;
  const language = languages.indexOf(questionLanguage ?? '');
  return {
    bins: {
      topics: nearestTopic(question, centroids),
      // The last bin: nothing was found.
      scores: topScore === null ? SCORES.length + 1 : binOf(topScore, SCORES),
      words: binOf(words, WORDS),
      languages: language < 0 ? languages.length : language,
    },
    rates: { refusals: refused, low_groundedness: groundedness === null ? null : groundedness < LOW_GROUNDEDNESS },
  };
}

function binOf(value: number, bounds: readonly number[]): number {
  const bin = bounds.findIndex((bound) => value < bound);
  return bin < 0 ? bounds.length : bin;
}

function countBins(bins: readonly number[], count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (const bin of bins) counts[bin]!++;
  return counts;
}

function share(seen: readonly Observation[], name: Rate): number {
  const known = seen.flatMap(({ rates }) => rates[name] ?? []);
  return known.length === 0 ? 0 : known.filter(Boolean).length / known.length;
}
