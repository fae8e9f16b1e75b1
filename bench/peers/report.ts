/** What a run leaves in docs/: a table between two marks of the benchmark page, and the plot beside it. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { commit, describeMachine } from '../../src/machine/machine.js';
import { type Compared, median, ratioOf } from './compare.js';
import type { PeerServer } from './peer.js';
import { type Plot, plotSvg } from './plot.js';
import type { Measure } from './scenarios.js';

export interface Opponent {
  readonly name: string;
  readonly server: PeerServer;
  readonly compared: readonly Compared[];
}

export interface Run {
  readonly measures: readonly Measure[];
  readonly rounds: number;
  readonly ours: { readonly name: string; readonly server: PeerServer };
  /** The first is what the others are set against. */
  readonly opponents: readonly Opponent[];
}

const DOCS = path.resolve(import.meta.dirname, '../../docs');
const PAGE = path.join(DOCS, 'benchmarks.md');
const PLOT = 'benchmarks-peers.svg';
const BEGIN = '<!-- peers: written by npm run bench -- peers -->';
const END = '<!-- /peers -->';

export function writeReport(run: Run): void {
  writeFileSync(path.join(DOCS, PLOT), plotSvg(plotOf(run)));
  writeFileSync(PAGE, replaceBlock(readFileSync(PAGE, 'utf8'), [summary(run), table(run), picture(), servers(run)]));
}

/** @throws Error where the marks are not there */
export function replaceBlock(page: string, paragraphs: readonly string[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost its marks ${BEGIN} and ${END}`);
  return [page.slice(0, begin + BEGIN.length), ...paragraphs, page.slice(end)].join('\n\n');
}

function summary({ rounds, ours, opponents }: Run): string {
  const { cpu, cores, memoryGiB, node, avx512, vnni, amx } = describeMachine();
  const flags = [avx512 && 'AVX-512', vnni && 'VNNI', amx ? 'AMX' : 'no AMX'].filter(Boolean).join(', ');
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${date}, commit ${commit()}: ${cpu} (${flags}), ${cores} cores, ${memoryGiB} GiB, Node ${node}. Medians of ${rounds} rounds;`,
    `in each, ${ours.name} and ${opponents.map(({ name }) => name).join(' or ')} take turns with the same prompts. Ratios are`,
    'medians of the ratios of the rounds.',
  ].join('\n');
}

/** Rows of measures; for every opponent its value and the ratio. */
export function table({ measures, ours, opponents }: Run): string {
  const heads = opponents.flatMap(({ name }, i) => [name, `ours / ${name}`, ...(i === 0 ? ['bar'] : [])]);
  const rows = measures.map(({ figure, label, unit, bar }) => {
    const cells = opponents.flatMap(({ compared }, i) => {
      const one = compared.find((candidate) => candidate.figure === figure);
      const values = one ? [show(median(one.theirs)), `**${ratioOf(one).toFixed(2)}**`] : ['–', '–'];
      return [...values, ...(i === 0 ? [bar] : [])];
    });
    const own = opponents[0]!.compared.find((candidate) => candidate.figure === figure);
    return [`\`${figure}\` ${label}, ${unit}`, own ? show(median(own.ours)) : '–', ...cells];
  });
  const lines = [['figure', ours.name, ...heads], ['---', ...heads.map(() => '---'), '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function picture(): string {
  return `![Speed of each server, relative to the first peer](${PLOT})`;
}

function servers({ ours, opponents }: Run): string {
  return [ours, ...opponents]
    .map(({ name, server }) => `- **${name}** ${server.version}: \`${server.command}\``)
    .join('\n');
}

/** Milliseconds turned round: further right is faster. */
function plotOf({ measures, ours, opponents }: Run): Plot {
  const [first] = opponents;
  const groups = measures.map(({ figure, label, unit }) => {
    const find = ({ compared }: Opponent) => compared.find((one) => one.figure === figure);
    const base = find(first!)!;
    const faster = (ratio: number) => (unit === 'ms' ? 1 / ratio : ratio);
    const bar = (series: string, ratio: number, value: number) => ({
      series,
      speed: faster(ratio),
      text: `${show(value)} ${unit}`,
    });
    const others = opponents.flatMap((opponent) => {
      const one = find(opponent);
      return one ? [bar(opponent.name, ratioOf(base) / ratioOf(one), median(one.theirs))] : [];
    });
    return { label, bars: [bar(ours.name, ratioOf(base), median(base.ours)), ...others] };
  });
  return { title: 'Speed of each server', baseline: first!.name, groups };
}

/** Three digits that mean something. */
function show(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
