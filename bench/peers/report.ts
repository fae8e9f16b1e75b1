/** What a run leaves in docs/: a table between two marks of the benchmark page, and the plot beside it. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commit, describeMachine } from '../../src/machine/machine.js';
import { ratioOf, reached, type Standing } from './compare.js';
import { type Plot, plotSvg } from './plot.js';
import type { Measure } from './scenarios.js';

export interface Run {
  /** Its id; each has a table and a plot of its own. */
  readonly model: string;
  readonly measures: readonly Measure[];
  readonly rounds: number;
  readonly ours: Standing;
  /** The first is what the others are set against. */
  readonly peers: readonly Standing[];
}

const DOCS = path.resolve(import.meta.dirname, '../../docs');
const PAGE = path.join(DOCS, 'benchmarks.md');
const END = '<!-- /peers -->';
/** What the ratio to llama.cpp has to be, by model and figure. */
const BARS: Record<string, Record<string, string>> = {
  'smollm2-135m-instruct': {
    one_stream: '≥ 1.2',
    one_stream_adapter: '≥ 1.2',
    eight_streams: '≥ 1.6',
    eight_adapters: '≥ 4',
    ttft_p95_eight_adapters: '≤ 0.1',
    prefill_512: '≥ 2',
    prefill_1500: '≥ 1.8',
  },
  'qwen2.5-coder-0.5b-instruct': {
    one_stream: '≥ 1.1',
    one_stream_adapter: '≥ 1.2',
    eight_streams: '≥ 2',
    eight_adapters: '≥ 4',
    ttft_p95_eight_adapters: '≤ 0.15',
    prefill_512: '≥ 2.5',
    prefill_1500: '≥ 2.2',
  },
};

export function writeReport(run: Run): void {
  const plot = `benchmarks-peers-${run.model}.svg`;
  writeFileSync(path.join(DOCS, plot), plotSvg(plotOf(run)));
  const picture = `![Speed of each server, relative to the first peer](${plot})`;
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(PAGE, replaceBlock(page, run.model, [summary(run), table(run), picture, servers(run)]));
}

/** @throws Error where the marks of this model are not there */
export function replaceBlock(page: string, model: string, paragraphs: readonly string[]): string {
  const mark = `<!-- peers of ${model}: written by npm run bench -- peers -->`;
  const begin = page.indexOf(mark);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error(`${PAGE} has lost its marks ${mark} and ${END}`);
  return [page.slice(0, begin + mark.length), ...paragraphs, page.slice(end)].join('\n\n');
}

function summary({ rounds, ours, peers }: Run): string {
  const { cpu, cores, memoryGiB, node, avx512, vnni, amx } = describeMachine();
  const flags = [avx512 && 'AVX-512', vnni && 'VNNI', amx ? 'AMX' : 'no AMX'].filter(Boolean).join(', ');
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${date}, commit ${commit()}: ${cpu} (${flags}), ${cores} cores, ${memoryGiB} GiB, Node ${node}. Medians of ${rounds} rounds;`,
    `in each, ${[ours, ...peers].map(({ name }) => name).join(', ')} take turns with the same prompts, and all others are`,
    'stopped. Ratios are those of the medians.',
  ].join('\n');
}

/** Rows of measures; for every peer its value and the ratio. */
export function table({ model, measures, ours, peers }: Run): string {
  const heads = peers.flatMap(({ name }, i) => [name, `ours / ${name}`, ...(i === 0 ? ['bar'] : [])]);
  const rows = measures.map(({ figure, label, unit }) => {
    const cells = peers.flatMap((peer, i) => {
      const ratio = ratioOf(ours, peer, figure);
      const ratioCell = ratio === undefined ? '–' : `**${ratio.toFixed(2)}**`;
      return [show(reached(peer, figure)), ratioCell, ...(i === 0 ? [BARS[model]?.[figure] ?? '–'] : [])];
    });
    return [`\`${figure}\` ${label}, ${unit}`, show(reached(ours, figure)), ...cells];
  });
  const lines = [['figure', ours.name, ...heads], ['---', ...heads.map(() => '---'), '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function servers({ ours, peers }: Run): string {
  return [ours, ...peers]
    .map(({ name, server }) => `- **${name}** ${server.version}: \`${server.command}\``)
    .join('\n');
}

/** Milliseconds turned round: further right is faster. */
function plotOf({ measures, ours, peers }: Run): Plot {
  const [first] = peers;
  const groups = measures.map(({ figure, label, unit }) => {
    const bars = [ours, ...peers].flatMap((one) => {
      const ratio = ratioOf(one, first!, figure);
      if (ratio === undefined) return [];
      const text = `${show(reached(one, figure))} ${unit}`;
      return [{ series: one.name, speed: unit === 'ms' ? 1 / ratio : ratio, text }];
    });
    return { label, bars };
  });
  return { title: 'Speed of each server', baseline: first!.name, groups };
}

/** Three digits that mean something. */
function show(value: number | undefined): string {
  if (value === undefined) return '–';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
