import t from 'tap';
import { HALF_TO_FLOAT } from '../../../src/layouts/half-float.js';
import { kernelPaths, operatorSession, type TestTensor } from '../../fixtures/native/session.js';

const [LAYERS, SLOTS, HEADS, KV_HEADS, CAPACITY, SIZE] = [2, 3, 4, 2, 48, 32];
const WIDTH = (HEADS + 2 * KV_HEADS) * SIZE;
const ATTRIBUTES = { layer: 1, heads: HEADS, kv_heads: KV_HEADS, scale: { float: SIZE ** -0.5 } };
const TYPES = ['float', 'int32', 'int32', 'float', 'float', 'float16'] as const;

const angle = (position: number, i: number) => position * 10000 ** ((-2 * i) / SIZE);
const table = (f: (x: number) => number): TestTensor => ({
  type: 'float',
  dims: [CAPACITY, SIZE / 2],
  data: Float32Array.from({ length: (CAPACITY * SIZE) / 2 }, (_, i) =>
    f(angle(Math.floor(i / (SIZE / 2)), i % (SIZE / 2))),
  ),
});
const [COSINES, SINES] = [table(Math.cos), table(Math.sin)];

/** What the token at a slot's position brings along: queries, keys and values of all heads. */
const feature = (slot: number, position: number, i: number) => Math.sin(1 + slot * 17 + position * 5 + i * 1.7);

type Token = readonly [slot: number, position: number];

function inputs(tokens: readonly Token[], kv: Uint16Array): TestTensor[] {
  const n = tokens.length;
  const qkv = Float32Array.from({ length: n * WIDTH }, (_, i) => feature(...tokens[Math.floor(i / WIDTH)]!, i % WIDTH));
  return [
    { type: 'float', dims: [n, WIDTH], data: qkv },
    { type: 'int32', dims: [n], data: Int32Array.from(tokens, ([slot]) => slot) },
    { type: 'int32', dims: [n], data: Int32Array.from(tokens, ([, position]) => position) },
    COSINES,
    SINES,
    { type: 'float16', dims: [LAYERS, SLOTS, 2, KV_HEADS, CAPACITY, SIZE], data: kv },
  ];
}

const newCache = () => new Uint16Array(LAYERS * SLOTS * 2 * KV_HEADS * CAPACITY * SIZE);

/** Runs each portion of tokens after the other and returns the outputs by token. */
function attend(portions: readonly (readonly Token[])[], kv: Uint16Array, path?: string): Map<string, Float32Array> {
  const session = operatorSession('SlotAttention', ATTRIBUTES, TYPES, { path, threads: 2 });
  const outputs = new Map<string, Float32Array>();
  for (const tokens of portions) {
    const y = session.run(inputs(tokens, kv), new Float32Array(tokens.length * HEADS * SIZE), [
      tokens.length,
      HEADS * SIZE,
    ]);
    for (const [i, token] of tokens.entries())
      outputs.set(`${token}`, y.slice(i * HEADS * SIZE, (i + 1) * HEADS * SIZE));
  }
  session.close();
  return outputs;
}

const run = (slot: number, from: number, to: number): Token[] =>
  Array.from({ length: to - from }, (_, i) => [slot, from + i] as const);

/** One head of a token, rotated: RoPE over pairs (i, i + SIZE / 2). */
function rotated(slot: number, position: number, first: number): number[] {
  const half = SIZE / 2;
  const x = (i: number) => feature(slot, position, first + i);
  return Array.from({ length: SIZE }, (_, i) => {
    const a = angle(position, i % half);
    return i < half ? x(i) * Math.cos(a) - x(i + half) * Math.sin(a) : x(i) * Math.cos(a) + x(i - half) * Math.sin(a);
  });
}

function expected([slot, position]: Token): number[] {
  return Array.from({ length: HEADS }, (_, head) => {
    const kvHead = Math.floor(head / (HEADS / KV_HEADS));
    const q = rotated(slot, position, head * SIZE);
    const weights = Array.from({ length: position + 1 }, (_, p) => {
      const k = rotated(slot, p, (HEADS + kvHead) * SIZE);
      return Math.exp(q.reduce((sum, value, i) => sum + value * k[i]!, 0) / Math.sqrt(SIZE));
    });
    const total = weights.reduce((a, b) => a + b);
    return Array.from({ length: SIZE }, (_, i) =>
      weights.reduce((sum, w, p) => sum + (w / total) * feature(slot, p, (HEADS + KV_HEADS + kvHead) * SIZE + i), 0),
    );
  }).flat();
}

t.test('rows of different length and several new tokens a row attend causally over their own slots', async (t) => {
  const kv = newCache();
  const outputs = attend(
    [
      [...run(2, 0, 30), ...run(0, 0, 3)],
      [...run(0, 3, 4), ...run(2, 30, 35), ...run(1, 0, 1)],
    ],
    kv,
  );
  t.equal(outputs.size, 40);
  for (const [name, y] of outputs) {
    const want = expected(name.split(',').map(Number) as unknown as Token);
    const worst = y.reduce((max, value, i) => Math.max(max, Math.abs(value - want[i]!)), 0);
    t.ok(worst < 2e-3, `token ${name} is off by ${worst}`);
  }
  const value = kv[(((1 * SLOTS + 2) * 2 + 1) * KV_HEADS * CAPACITY + 34) * SIZE + 7]!;
  t.ok(
    Math.abs(HALF_TO_FLOAT[value]! - feature(2, 34, (HEADS + KV_HEADS) * SIZE + 7)) < 1e-3,
    'values are stored as fp16',
  );
  t.ok(
    kv.subarray(0, kv.length / 2).every((half) => half === 0),
    'the other layer is untouched',
  );
});

t.test('the portions in which tokens arrive and the path change no bit of the outputs or the cache', async (t) => {
  const whole = newCache();
  const once = attend([[...run(0, 0, 41), ...run(1, 0, 7)]], whole);
  for (const path of kernelPaths()) {
    const kv = newCache();
    const steps = [
      run(0, 0, 16),
      ...run(0, 16, 20).map((token) => [token]),
      [...run(1, 0, 5), ...run(0, 20, 41)],
      run(1, 5, 7),
    ];
    t.same(new Map([...attend(steps, kv, path)].sort()), new Map([...once].sort()), path);
    t.same(kv, whole, path);
  }
});

t.test('a token outside of its slot is refused before anything is written', async (t) => {
  const session = operatorSession('SlotAttention', ATTRIBUTES, TYPES);
  const cases: [Token[], RegExp][] = [
    [
      [
        [0, 0],
        [3, 0],
      ],
      /token 1 names KV slot 3 of 3/,
    ],
    [[[-1, 0]], /token 0 names KV slot -1 of 3/],
    [[[1, CAPACITY]], /token 0 has position 48, there are 48/],
    [
      [
        [1, 4],
        [1, 6],
      ],
      /token 1: positions of a slot must be consecutive/,
    ],
    [
      [
        [1, 4],
        [0, 6],
        [1, 5],
      ],
      /token 2: tokens of a slot must stand together/,
    ],
  ];
  for (const [tokens, message] of cases) {
    const kv = newCache();
    const y = new Float32Array(tokens.length * HEADS * SIZE);
    t.throws(() => session.run(inputs(tokens, kv), y, [tokens.length, HEADS * SIZE]), message);
    t.ok(kv.every((half) => half === 0) && y.every((value) => value === 0), `${message} wrote nothing`);
  }
  session.close();
});
