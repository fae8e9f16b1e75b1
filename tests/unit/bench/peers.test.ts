import t from 'tap';
import { median, ratioOf } from '../../../bench/peers/compare.js';
import type { PeerServer } from '../../../bench/peers/peer.js';
import { plotSvg } from '../../../bench/peers/plot.js';
import { createPrompts } from '../../../bench/peers/prompts.js';
import { replaceBlock, table } from '../../../bench/peers/report.js';
import { scenarios } from '../../../bench/peers/scenarios.js';
import { MODEL_DIR, readModelManifest } from '../../fixtures/engine/engine.js';

const server: PeerServer = {
  url: 'http://127.0.0.1:1',
  headers: {},
  version: '1',
  command: 'serve',
  fields: () => ({}),
  stop: async () => {},
};

t.test('a ratio is the median of the ratios of the rounds, not of the medians', (t) => {
  const one = { figure: 'one_stream', ours: [10, 40, 90], theirs: [10, 10, 30] };
  t.equal(ratioOf(one), 3);
  t.equal(median(one.ours) / median(one.theirs), 4);
  t.end();
});

t.test('the table has a row a measure, and a dash where a peer was not measured', (t) => {
  const measures = scenarios(8)
    .flatMap((scenario) => scenario.measures)
    .slice(0, 2);
  const [first, second] = measures.map(({ figure }) => ({ figure, ours: [120, 150], theirs: [100, 50] }));
  const text = table({
    measures,
    rounds: 2,
    ours: { name: 'Switchyard', server },
    opponents: [
      { name: 'one', server, compared: [first!, second!] },
      { name: 'other', server, compared: [second!] },
    ],
  });
  t.equal(
    text,
    [
      '| figure | Switchyard | one | ours / one | bar | other | ours / other |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| `one_stream` one stream, tokens/s | 135 | 75.0 | **2.10** | ≥ 1.2 | – | – |',
      '| `one_stream_adapter` one stream, adapter, tokens/s | 135 | 75.0 | **2.10** | ≥ 1.2 | 75.0 | **2.10** |',
    ].join('\n'),
  );
  t.end();
});

t.test('a page keeps all but what stands between its marks', (t) => {
  const mark = '<!-- peers: written by npm run bench -- peers -->';
  const page = `# Title\n\n${mark}\n\nold\n\n<!-- /peers -->\n\nrest\n`;
  t.equal(replaceBlock(page, ['new', 'more']), `# Title\n\n${mark}\n\nnew\n\nmore\n\n<!-- /peers -->\n\nrest\n`);
  t.throws(() => replaceBlock('# Title\n', ['new']), /lost its marks/);
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
