/** Service level objectives: what they promise, and the rules that record and defend them (SRE workbook, chapter 5). */
import type { Alert } from './alerts.js';
import { FAULTS, metric } from './queries.js';

export interface Objective {
  /** In names of recorded series and of alerts. */
  readonly id: string;
  readonly alert: string;
  /** What is promised, for people. */
  readonly promise: string;
  /** Share of answers that must be good. */
  readonly target: number;
  /** Bad answers over all answers in a window, by tenant and deployment. */
  readonly badRatio: (window: string) => string;
}

/** Seconds; a bound of the buckets of `time_to_first_token_seconds`. */
const FIRST_TOKEN_LIMIT = 2.5;

const BY = 'by (tenant, deployment)';
const rate = (series: string, window: string) => `sum ${BY} (rate(${series}[${window}]))`;

export const OBJECTIVES: readonly Objective[] = [
  {
    id: 'errors',
    alert: 'SwitchyardErrors',
    promise: '99.5 % of answers do not fail by a fault of ours',
    target: 0.995,
    badRatio: (window) => {
      const all = rate(metric('requests_total'), window);
      // Without a single fault there is no series of one: that is 0, and not nothing.
      return `(${rate(`${metric('requests_total')}{outcome=~"${FAULTS}"}`, window)} or 0 * ${all}) / ${all}`;
    },
  },
  {
    id: 'slow_first_tokens',
    alert: 'SwitchyardFirstToken',
    promise: `95 % of first tokens come within ${FIRST_TOKEN_LIMIT} s`,
    target: 0.95,
    badRatio: (window) => {
      const histogram = 'time_to_first_token_seconds';
      const good = rate(`${metric(histogram, '_bucket')}{le="${FIRST_TOKEN_LIMIT}"}`, window);
      return `1 - ${good} / ${rate(metric(histogram, '_count'), window)}`;
    },
  },
];

interface Burn {
  readonly long: string;
  readonly short: string;
  /** How many times faster than the objective allows the budget of 30 days is spent. */
  readonly factor: number;
}

/** Spends 2 % of the budget in an hour, or 5 % in six: somebody must get up. */
const FAST: readonly Burn[] = [
  { long: '1h', short: '5m', factor: 14.4 },
  { long: '6h', short: '30m', factor: 6 },
];
/** Spends 10 % in a day, or in three: somebody must look at it in working hours. */
const SLOW: readonly Burn[] = [
  { long: '1d', short: '2h', factor: 3 },
  { long: '3d', short: '6h', factor: 1 },
];
/** Below this many answers in the longer window one bad answer would be an alert. */
const LEAST_ANSWERS = 20;

export const recorded = ({ id }: Objective, window: string): string => `switchyard:${id}:ratio_rate${window}`;
const answersIn = (window: string) => `switchyard:answers:increase${window}`;

/** Rules that every alert and dashboard of an objective reads. */
export function recordingRules(): { record: string; expr: string }[] {
  const burns = [...FAST, ...SLOW];
  const windows = new Set(burns.flatMap(({ short, long }) => [short, long]));
  return [
    ...burns.map(({ long }) => ({
      record: answersIn(long),
      expr: `sum ${BY} (increase(${metric('requests_total')}[${long}]))`,
    })),
    ...OBJECTIVES.flatMap((objective) =>
      [...windows].map((window) => ({ record: recorded(objective, window), expr: objective.badRatio(window) })),
    ),
  ];
}

/** Two alerts an objective: its budget is spent fast, or slowly but for long. */
export function burnRateAlerts(): Alert[] {
  return OBJECTIVES.flatMap((objective) =>
    [
      { burns: FAST, name: 'BurnFast', severity: 'page' as const, pace: 'fast' },
      { burns: SLOW, name: 'BurnSlow', severity: 'ticket' as const, pace: 'slowly, but for long' },
    ].map(({ burns, name, severity, pace }) => ({
      name: objective.alert + name,
      expr: burns.map((burn) => burning(objective, burn)).join('\nor\n'),
      for: '2m',
      severity,
      summary: `{{ $labels.deployment }} of {{ $labels.tenant }} spends its error budget ${pace}: {{ $value | humanizePercentage }} are bad.`,
      description: `Promised: ${objective.promise}, over 30 days.`,
    })),
  );
}

function burning(objective: Objective, { long, short, factor }: Burn): string {
  const limit = Number(((1 - objective.target) * factor).toPrecision(6));
  const over = (window: string) => `${recorded(objective, window)} > ${limit}`;
  return `(${over(long)} and ${over(short)} and ${answersIn(long)} >= ${LEAST_ANSWERS})`;
}
