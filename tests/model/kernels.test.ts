import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { ModelRunner, Segment } from '../../src/engine/process/runner.js';
import { readAdapter } from '../../src/layouts/read-adapter.js';
import { openNativeLibrary } from '../../src/native/library.js';
import { openRightOfWay } from '../../src/retrieval/process/right-of-way.js';
import { everyTarget, writeAdapter } from '../fixtures/engine/adapters.js';
import { MODEL_DIR, readModelManifest } from '../fixtures/engine/engine.js';
import { kernels, loadRunner, logitsOfAll } from '../parity/load-runner.js';
import { relativeRms } from '../parity/relative-rms.js';

t.setTimeout(300_000);
const manifest = readModelManifest();
const folder = t.testdir();
const adapters = await Promise.all(
  [4, 16].map((rank, i) => {
    const ranks = { q_proj: rank, k_proj: 0, v_proj: 3, o_proj: rank, gate_proj: 1, up_proj: rank, down_proj: rank };
    return readAdapter(writeAdapter(folder, manifest, { seed: i + 1, ranks }), manifest);
  }),
);
rmSync(folder, { recursive: true });

function load(path?: string): ModelRunner {
  const runner = loadRunner(MODEL_DIR, path);
  adapters.forEach((adapter, slot) => {
    runner.writeAdapter(slot, adapter);
  });
  return runner;
}

/** Three sequences: the base and two adapters. */
const ROWS = [null, 0, 1].map((adapterSlot, slot) => ({
  slot,
  adapterSlot,
  ids: Array.from({ length: 20 + 7 * slot }, (_, i) => 1000 + ((i * i * 31 + slot * 977) % 40_000)),
}));

/** Each row in one piece, by itself: what everything is compared with. */
const alone = (runner: ModelRunner) => ROWS.map((row) => logitsOfAll(runner, row.ids, row));

const runner = load();
const EXPECTED = alone(runner);
const VOCAB = manifest.shape.vocabSize;

/** Equal to the last bit. */
function isSame(a: Float32Array, b: Float32Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}

t.test('an adapter changes what the model says', async (t) => {
  const base = logitsOfAll(runner, ROWS[1]!.ids);
  t.notOk(isSame(base, EXPECTED[1]!));
  t.ok(EXPECTED.every((logits) => logits.every(Number.isFinite)));
});

t.test('no bit of a row depends on the pieces it comes in, or on who shares a run with it', async (t) => {
  const step = fc.tuple(...ROWS.map(() => fc.oneof(fc.nat(2), fc.nat(21))));
  await fc.assert(
    fc.property(fc.array(step, { minLength: 12, maxLength: 24 }), (steps) => {
      const done = ROWS.map(() => 0);
      for (const counts of [...steps, [64, 0, 0], [0, 64, 0], [0, 0, 64]]) {
        const segments = ROWS.flatMap(({ slot, adapterSlot, ids }, row): Segment[] => {
          const start = done[row]!;
          const piece = ids.slice(start, start + counts[row]!);
          done[row]! += piece.length;
          return piece.length === 0 ? [] : [{ slot, start, ids: piece, adapterSlot, logits: piece.length }];
        });
        if (segments.length === 0) continue;
        runner.run(segments).forEach((rows, i) => {
          const { slot, start } = segments[i]!;
          rows.forEach((logits, j) => {
            const at = start + j;
            if (!isSame(logits, EXPECTED[slot]!.subarray(at * VOCAB, (at + 1) * VOCAB))) {
              throw new Error(`token ${at} of row ${slot} in ${JSON.stringify(segments.map(({ ids }) => ids.length))}`);
            }
          });
        });
      }
    }),
    { numRuns: 8 },
  );
  t.pass('every logit of every token');
});

t.test('every path that this CPU has gives the same bits', async (t) => {
  t.ok(kernels.paths.includes('scalar'));
  for (const path of kernels.paths.slice(1)) {
    const other = load(path);
    const [row] = ROWS.slice(-1);
    const segments = ROWS.map((each) => ({ ...each, start: 0, ids: each.ids.slice(0, 6), logits: 6 }));
    const together = other.run(segments).flat();
    together.forEach((logits, i) => {
      const at = i % 6;
      const expected = EXPECTED[Math.floor(i / 6)]!.subarray(at * VOCAB, (at + 1) * VOCAB);
      if (!isSame(logits, expected)) t.fail(`${path}: token ${at} of row ${Math.floor(i / 6)}`);
    });
    const [[next]] = other.run([{ ...row!, start: 6, ids: row!.ids.slice(6, 7), logits: 1 }]) as [[Float32Array]];
    t.ok(isSame(next, EXPECTED[2]!.subarray(6 * VOCAB, 7 * VOCAB)), path);
  }
});

t.test('an adapter of any rank gives the same bits wherever it lies, and what stock operators give', async (t) => {
  const ids = ROWS[0]!.ids.slice(0, 6);
  const ranks = [4, 16, 64];
  const scratch = t.testdir();
  const large = await readAdapter(
    writeAdapter(scratch, manifest, { seed: 3, ranks: { ...everyTarget(0), q_proj: 64, gate_proj: 5, down_proj: 64 } }),
    manifest,
  );
  const ofRank = [...adapters, large];
  rmSync(scratch, { recursive: true });
  const expected = ofRank.map((adapter, i) => {
    const [kernels, stock] = [undefined, null].map((path) => {
      const fresh = loadRunner(MODEL_DIR, path);
      fresh.writeAdapter(0, adapter);
      return logitsOfAll(fresh, ids, { adapterSlot: 0 });
    }) as [Float32Array, Float32Array];
    const close = relativeRms(kernels, stock);
    t.ok(close < 0.05, `rank ${ranks[i]}: relative rms ${close} to stock operators`);
    return kernels;
  });
  // Small ones leave gaps that the large one does not fit into.
  const shared = loadRunner(MODEL_DIR);
  const lies: number[] = [];
  for (const [slot, which] of [
    [0, 0],
    [1, 1],
    [0, 2],
    [1, 0],
    [0, 1],
    [1, 2],
    [0, 0],
  ] as const) {
    shared.writeAdapter(slot, ofRank[which]!);
    lies[slot] = which;
    for (const [adapterSlot, there] of lies.entries()) {
      const same = isSame(logitsOfAll(shared, ids, { adapterSlot }), expected[there]!);
      if (!same) t.fail(`rank ${ranks[there]} in slot ${adapterSlot} after rank ${ranks[which]} came to ${slot}`);
    }
  }
});

t.test('keys and values that were put away and come back, in another slot, are as good as computed ones', async (t) => {
  const { kvStore } = runner;
  const [, row] = ROWS as [unknown, (typeof ROWS)[number]];
  t.equal(kvStore!.tokensPerBlock, 16);
  logitsOfAll(runner, row.ids, row);
  kvStore!.save(row.slot, 0, 1);
  logitsOfAll(runner, row.ids.toReversed(), row);
  logitsOfAll(runner, row.ids.toReversed(), { ...row, slot: 2 });
  kvStore!.load(1, 2, 0);
  const rest = logitsOfAll(runner, row.ids.slice(16), { ...row, slot: 2, start: 16 });
  t.ok(isSame(rest, EXPECTED[1]!.subarray(16 * VOCAB)));
});

t.test('another number of threads changes no bit, and what the slots hold stays', async (t) => {
  const [row] = ROWS as [(typeof ROWS)[number]];
  logitsOfAll(runner, row.ids.slice(0, 8), row);
  runner.useThreads(1);
  const rest = logitsOfAll(runner, row.ids.slice(8), { ...row, start: 8 });
  t.ok(isSame(rest, EXPECTED[0]!.subarray(8 * VOCAB)));
});

t.test(
  'an adapter of a rank that the bank has no room for is refused, and its neighbours stay as they are',
  async (t) => {
    const large = { ranks: { ...adapters[0]!.ranks, q_proj: 65 }, halves: new Uint16Array(1e7).fill(0x3c00) };
    t.throws(() => runner.writeAdapter(0, large), /its rank is 65, at most 64 is accepted \(engine\.maxAdapterRank\)/);
    t.ok(isSame(logitsOfAll(runner, ROWS[2]!.ids, ROWS[2]), EXPECTED[2]!));
  },
);

t.test('a step pauses while somebody wants the processors, not for all of that, and computes the same', async (t) => {
  const library = openNativeLibrary()!;
  const file = join(t.testdir({}), 'right-of-way');
  // A wish for nearly a second.
  const way = openRightOfWay(file, () => process.hrtime.bigint() + 850_000_000n);
  t.teardown(way.close);
  t.equal(library.giveWayTo(file), true);
  const pausedMs = () => {
    const before = library.givenWayMs();
    t.ok(isSame(logitsOfAll(runner, ROWS[0]!.ids, ROWS[0]), EXPECTED[0]!));
    return library.givenWayMs() - before;
  };
  t.equal(pausedMs(), 0);
  const leave = way.take('a');
  let paused = 0;
  while (process.hrtime.bigint() < readFileSync(file).readBigInt64LE()) paused += pausedMs();
  t.ok(paused > 20 && paused < 600, `${paused} ms of some 900`);
  leave();
  t.equal(pausedMs(), 0);
});
