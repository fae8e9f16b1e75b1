import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import t from 'tap';
import { churn } from '../../bench/churn.js';

t.setTimeout(300_000);

/** The short form of `npm run bench -- churn`. */
t.test('whatever comes and goes, every answer is what its adapter gives alone, token for token', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'switchyard-churn-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const seed = Number(process.env.CHURN_SEED ?? Date.now() % 1_000_000);
  t.comment(`CHURN_SEED=${seed} repeats this run`);
  const { differing_tokens: differing } = await churn(folder, seed, 64, (line) => t.comment(line));
  t.equal(differing, 0, `seed ${seed}`);
});
