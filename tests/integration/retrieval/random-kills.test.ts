import t from 'tap';
import { runCrashes } from '../../../bench/crash/run.js';
import { shippedRetrieval } from '../../../bench/crash/start.js';
import { dataFolder } from '../../fixtures/retrieval/retrieval.js';

t.test(
  'kill -9 at random moments loses nothing, brings nothing back, and the index answers as its rows do',
  async (t) => {
    const seed = Date.now() % 1_000_000;
    const lines: string[] = [];
    const say = (line: string) => lines.push(line);
    const start = await shippedRetrieval(say);
    const figures = await runCrashes({
      dataDir: dataFolder(t),
      seed,
      kills: 12,
      every: 12,
      longestLifeMs: 600,
      say,
      start,
    });
    t.match(figures, { kills: 12, lost: 0, resurrected: 0, mismatches: 0 }, lines.join('\n'));
    t.ok(figures.changes > 4, `${figures.changes} changes, seed ${seed}`);
  },
);
