/** Reads Prometheus' text format. Runs in a browser too: it imports nothing. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples by the name of their metric, with its prefix. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Lines that are none are left out. */
export function readExposition(text: string): Samples {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, name, labels = '', value] = match;
    const sample = { labels: readLabels(labels), value: readValue(value!) };
    const known = samples.get(name!);
    if (known === undefined) samples.set(name!, [sample]);
    else known.push(sample);
  }
  return samples;
}

/** Samples of a metric whose labels include the given ones. */
export function samplesOf(
  samples: Samples,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): readonly Sample[] {
  const wanted = Object.entries(labels);
  return (samples.get(name) ?? []).filter((sample) => wanted.every(([label, value]) => sample.labels[label] === value));
}

/** Their sum; 0 where there are none. */
export function sumOf(samples: Samples, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samplesOf(samples, name, labels).reduce((sum, { value }) => sum + value, 0);
}

function readLabels(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, label, value]) => [label!, unescaped(value!)]));
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));
}

function readValue(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
