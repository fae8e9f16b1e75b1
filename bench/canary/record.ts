/**
 * `npx tsx bench/canary/record.ts`: asks the sample gateway, with the small base model, every development question of the bank, four at a time, and
 * writes down what its record tells of each answer, for `npm run bench -- canary-sim`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { readDataset } from '../../src/evaluation/dataset.js';
import { Sqlite } from '../../src/sqlite/open.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import type { Recorded } from './traffic.js';

const MODEL = 'assistant@2';
const AT_ONCE = 4;
const CLUSTERS = 8;
const ROWS = `SELECT answers.id, first_token_ms, duration_ms, completion_tokens, groundedness, citation_validity,
  numbers_grounded, refused, words FROM answers JOIN answer_signals ON answer_id = answers.id`;

interface Row {
  readonly id: string;
  readonly first_token_ms: number;
  readonly duration_ms: number;
  readonly completion_tokens: number;
  readonly groundedness: number | null;
  readonly citation_validity: number | null;
  readonly numbers_grounded: number | null;
  readonly refused: 0 | 1;
  readonly words: number;
}

const [bank] = DEMO_TENANTS;
const questions = ['eval', 'everyday'].flatMap((set) => readDataset(join('indexes', bank!.id, `${set}.jsonl`)));
/** Questions about the same few documents. */
const documents = [...new Set(questions.map(({ document }) => document))];
const clusters = new Map<string, number>();

const dataDir = temporaryDataDir();
const gateway = await startGateway(dataDir);
try {
  let next = 0;
  const ask = async () => {
    for (let i = next++; i < questions.length; i = next++) {
      const { question, document } = questions[i]!;
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bank!.secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: question }], max_tokens: 96 }),
      });
      const { id } = (await response.json()) as { id: string };
      clusters.set(id, documents.indexOf(document) % CLUSTERS);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  // The last signals are computed behind the answers.
  await sleep(5000);
  const db = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  const recorded = (db.prepare(ROWS).all() as Row[]).map((row): Recorded => {
    const afterFirstMs = row.duration_ms - row.first_token_ms;
    return {
      cluster: clusters.get(row.id) ?? null,
      firstTokenMs: round(row.first_token_ms),
      perTokenMs: row.completion_tokens < 2 ? null : round(afterFirstMs / (row.completion_tokens - 1)),
      groundedness: round(row.groundedness),
      citationValidity: round(row.citation_validity),
      numbersGrounded: round(row.numbers_grounded),
      refused: row.refused === 1,
      words: row.words,
    };
  });
  db.close();
  const lines = recorded.map((answer) => JSON.stringify(answer)).join(',\n');
  writeFileSync(join(import.meta.dirname, 'recorded.json'), `[\n${lines}\n]\n`);
} finally {
  await gateway.stop();
  removeDataDir(dataDir);
}

function round<T extends number | null>(value: T): T {
  return (value === null ? null : Math.round(value * 1000) / 1000) as T;
}
