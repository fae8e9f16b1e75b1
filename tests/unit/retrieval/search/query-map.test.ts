import t from 'tap';
import { dot } from '../../../../src/retrieval/search/nearest.js';
import {
  decodeMap,
  encodeMap,
  type LowRank,
  lowRankMap,
  queryMapFor,
} from '../../../../src/retrieval/search/query-map.js';
import { clusteredVectors } from '../../../fixtures/retrieval/rows.js';

const [FIRST, ...OTHERS] = clusteredVectors(8) as [Float32Array, ...Float32Array[]];

t.test('a map adds what lies in its directions and its shift, and the result is normalised', async (t) => {
  const map = lowRankMap({
    ins: [Float32Array.of(1, 0, 0)],
    outs: [Float32Array.of(0, 2, 0)],
    shift: Float32Array.of(0, 0, 2),
  });
  const length = Math.sqrt(1 + 4 + 4);
  t.strictSame(
    [...map(Float32Array.of(1, 0, 0))].map((value) => value.toFixed(6)),
    [1 / length, 2 / length, 2 / length].map((value) => value.toFixed(6)),
  );
  t.strictSame([...map(Float32Array.of(0, 0, 1))], [0, 0, 1]);
});

t.test('a map that was written down maps as before', async (t) => {
  const map: LowRank = { ins: OTHERS.slice(0, 3), outs: OTHERS.slice(3, 6), shift: OTHERS[6]! };
  const read = decodeMap(encodeMap(map), FIRST.length);
  t.equal(read.ins.length, 3);
  t.ok(dot(lowRankMap(map)(FIRST), lowRankMap(read)(FIRST)) > 0.9999);
  const zeros = { ins: [], outs: [], shift: new Float32Array(FIRST.length) };
  t.ok(dot(lowRankMap(decodeMap(encodeMap(zeros), FIRST.length))(FIRST), FIRST) > 0.999999);
});

t.test('the served embedder has a map, which moves a query a little; of another model, vectors stay', async (t) => {
  const waves = Float32Array.from({ length: 384 }, (_, i) => Math.sin(i * i));
  const query = waves.map((value) => value / Math.hypot(...waves));
  const before = [...query];
  const mapped = queryMapFor('bge-small-en-v1.5')(query);
  t.strictSame([...query], before, 'in a vector of its own');
  t.ok(Math.abs(Math.hypot(...mapped) - 1) < 1e-5);
  const cosine = dot(mapped, query);
  t.ok(cosine > 0.5 && cosine < 0.999, `${cosine}`);
  t.equal(queryMapFor('all-minilm-l6-v2')(query), query);
});
