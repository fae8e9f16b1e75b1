import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { ratioOf, type Standing } from '../../../bench/peers/compare.js';
import type { PeerServer } from '../../../bench/peers/peer.js';
import { plotSvg } from '../../../bench/peers/plot.js';
import { pauseTree, resumeTree } from '../../../bench/peers/processes.js';
import { createPrompts } from '../../../bench/peers/prompts.js';
import { replaceBlock, table } from '../../../bench/peers/report.js';
import { scenarios } from '../../../bench/peers/scenarios.js';
import { MODEL_DIR, readModelManifest } from '../../fixtures/engine/engine.js';

const server: PeerServer = {
  pid: 0,
  url: 'http://127.0.0.1:1',
  headers: {},
  version: '1',
  command: 'serve',
  fields: () => ({}),
  stop: async () => {},
};

const standing = (name: string, values: Record<string, number[]>): Standing => ({
  name,
  server,
  adapters: true,
  values: new Map(Object.entries(values)),
});

t.test('the table has a row a measure, and a dash where a peer was not measured', (t) => {
  const measures = scenarios(8)
    .flatMap((scenario) => scenario.measures)
    .slice(0, 2);
  const text = table({
    model: 'smollm2-135m-instruct',
    measures,
    rounds: 2,
    ours: standing('Switchyard', { one_stream: [120, 150], one_stream_adapter: [110, 110] }),
    peers: [
      standing('one', { one_stream: [100, 50], one_stream_adapter: [50, 60] }),
      standing('other', { one_stream: [27, 29] }),
    ],
  });
  t.equal(
    text,
    [
      '| figure | Switchyard | one | ours / one | bar | other | ours / other |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| `one_stream` one stream, tokens/s | 135 | 75.0 | **1.80** | ≥ 1.2 | 28.0 | **4.82** |',
      '| `one_stream_adapter` one stream, adapter, tokens/s | 110 | 55.0 | **2.00** | ≥ 1.2 | – | – |',
    ].join('\n'),
  );
  t.end();
});

t.test('a printed ratio lies within what the printed columns allow', (t) => {
  const measures = scenarios(8).flatMap((scenario) => scenario.measures);
  const values = fc.array(fc.double({ min: 0.5, max: 20_000, noNaN: true }), { minLength: 1, maxLength: 5 });
  const rounds = fc.record(Object.fromEntries(measures.map(({ figure }) => [figure, values])));
  /** What a number may have been before it was rounded to be printed. */
  const range = (cell: string): [number, number] => {
    const value = Number(cell.replaceAll(/[*,]/g, ''));
    const [, decimals = ''] = /\.(\d+)/.exec(cell) ?? [];
    const half = 0.5 * 10 ** -decimals.length + 1e-9;
    return [value - half, value + half];
  };
  fc.assert(
    fc.property(rounds, rounds, rounds, (own, one, other) => {
      const peers = [standing('one', one), standing('other', other)];
      const text = table({ model: 'another', measures, rounds: 5, ours: standing('Switchyard', own), peers });
      for (const line of text.split('\n').slice(2)) {
        const cells = line.split(' | ');
        const [ownLow, ownHigh] = range(cells[1]!);
        for (const [value, ratio] of [cells.slice(2, 4), cells.slice(5, 7)]) {
          const [low, high] = range(value!);
          const [least, most] = range(ratio!.replace(' |', ''));
          if (most < ownLow / high || least > ownHigh / low) throw new Error(line);
        }
      }
    }),
  );
  t.end();
});

t.test('a ratio is that of the medians that stand beside it', (t) => {
  const ours = standing('Switchyard', { one_stream: [10, 40, 90] });
  t.equal(ratioOf(ours, standing('one', { one_stream: [10, 10, 30] }), 'one_stream'), 4);
  t.equal(ratioOf(ours, standing('one', {}), 'one_stream'), undefined);
  t.end();
});

t.test('whoever is not measured is stopped with all that it started, and goes on afterwards', async (t) => {
  const script =
    "const { spawn } = require('child_process'); spawn('sleep', ['60']); setInterval(() => {}, 1000); console.log('up')";
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout!, 'data');
  const children = () => readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim().split(' ');
  const tree = [String(parent.pid), ...children()];
  t.teardown(() => {
    for (const pid of tree) process.kill(Number(pid), 'SIGKILL');
  });
  const states = () => tree.map((pid) => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  const become = async (state: string) => {
    while (!states().every((one) => one === state)) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  t.equal(tree.length, 2);
  pauseTree(parent.pid!);
  await become('T');
  resumeTree(parent.pid!);
  await become('S');
});

t.test('a page keeps all but what stands between its marks', (t) => {
  const block = (model: string, text: string) =>
    `<!-- peers of ${model}: written by npm run bench -- peers -->\n\n${text}\n\n<!-- /peers -->\n`;
  const page = `# Title\n\n${block('a', 'old')}\n${block('b', 'old')}\nrest\n`;
  const changed = `# Title\n\n${block('a', 'old')}\n${block('b', 'new\n\nmore')}\nrest\n`;
  t.equal(replaceBlock(page, 'b', ['new', 'more']), changed);
  t.throws(() => replaceBlock('# Title\n', 'a', ['new']), /lost its marks/);
  t.end();
});

t.test('a plot draws faster bars to the right of the baseline, slower ones to its left', (t) => {
  const bar = (series: string, speed: number) => ({ series, speed, text: `${speed} <x>` });
  const svg = plotSvg({
    title: 'Speed',
    baseline: 'base',
    groups: [{ label: 'a & b', bars: [bar('us', 4), bar('base', 1), bar('slow', 0.5)] }],
  });
  const rects = [...svg.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="12" fill="(#\w+)"/g)];
  const [us, base, slow] = rects.map(([, x, width]) => ({ x: Number(x), width: Number(width) }));
  t.equal(us!.x, base!.x, 'both begin at the baseline');
  t.ok(Math.abs(us!.width - 2 * slow!.width) < 0.2, 'four times is twice as far as half');
  t.ok(Math.abs(slow!.x + slow!.width - base!.x) < 0.2, 'the slow one ends there');
  t.equal(new Set(rects.map(([, , , colour]) => colour)).size, 3);
  t.match(svg, 'a &amp; b');
  t.notMatch(svg, '<x>');
  t.end();
});

t.test('prompts have their length and never begin alike', async (t) => {
  const prompts = await createPrompts(MODEL_DIR, readModelManifest(), 1500);
  const given = Array.from({ length: 200 }, (_, i) => prompts(i % 2 ? 250 : 1500));
  t.ok(given.every((prompt, i) => prompt.length === (i % 2 ? 250 : 1500)));
  t.equal(new Set(given.map((prompt) => prompt.slice(0, 16).join())).size, given.length);
});
