import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { EvalQuestion } from '../../../src/contracts/evaluations.js';
import { AppError } from '../../../src/errors/app-error.js';
import { readDataset } from '../../../src/evaluation/dataset.js';
import { sample } from '../../../src/evaluation/question-lines.js';

const MINIMUM_QUESTIONS = 200;

for (const tenant of ['northwind-bank', 'copilot']) {
  t.test(`the questions for ${tenant} are enough, unique, and three in ten have no answer`, async (t) => {
    const questions = readDataset(`indexes/${tenant}/eval.jsonl`);
    t.ok(questions.length >= MINIMUM_QUESTIONS);
    t.equal(new Set(questions.map(({ id }) => id)).size, questions.length);
    t.equal(new Set(questions.map(({ question }) => question)).size, questions.length);
    const share = questions.filter(({ answerable }) => !answerable).length / questions.length;
    t.ok(share >= 0.28 && share <= 0.33, `${share}`);
  });
}

const SETS = ['everyday', 'labelled', 'blind', 'blind-2'];
const DOCUMENTS = { 'northwind-bank': 'indexes/northwind-bank', copilot: 'node_modules' };

for (const [tenant, folder] of Object.entries(DOCUMENTS)) {
  t.test(`no question for ${tenant} is in two sets, and the newer ones’ facts stand where they say`, async (t) => {
    const first = readDataset(`indexes/${tenant}/eval.jsonl`);
    const others = SETS.flatMap((set) => readDataset(`indexes/${tenant}/${set}.jsonl`));
    const all = [...first, ...others];
    t.equal(new Set(all.map(({ id }) => id)).size, all.length);
    t.equal(new Set(all.map(({ question }) => question)).size, all.length);
    for (const { id, accept, document } of others) {
      if (document === null) continue;
      const text = plain(readFileSync(join(folder, document), 'utf8'));
      t.ok(
        accept.some((spelling) => text.includes(plain(spelling))),
        id,
      );
    }
  });

  t.test(`the blind sets for ${tenant} are like the one that may be looked at`, async (t) => {
    for (const [set, every, answerable] of [
      ['labelled', 240, 200],
      ['blind', 60, 48],
      ['blind-2', 71, 59],
    ] as const) {
      const questions = readDataset(`indexes/${tenant}/${set}.jsonl`);
      t.same([questions.length, questions.filter((question) => question.answerable).length], [every, answerable], set);
    }
  });
}

const plain = (text: string) => text.toLowerCase().replace(/\s+/g, ' ');

t.test('a broken line is named', async (t) => {
  const file = join(t.testdir(), 'set.jsonl');
  const first = '{"id":"1","question":"?","answerable":false}\n';
  for (const [line, reason] of [
    ['{', 'is not JSON'],
    ['{"id":"2"}', 'needs id, question and answerable'],
    ['{"id":"2","question":"?","answerable":true,"accept":[]}', 'has accept and document exactly when'],
    ['{"id":"2","question":"?","answerable":false,"accept":["x"],"document":"a.md"}', 'has accept and document'],
  ] as const) {
    writeFileSync(file, `${first}${line}\n`);
    const error = t.throws(() => readDataset(file), { code: 'invalid_value' });
    t.ok(error instanceof AppError);
    t.match(String((error as AppError).message), `${file}:2`);
    t.match(String((error as AppError).message), reason);
  }
});

t.test('a sample keeps the share without an answer and is spread over the set', async (t) => {
  const questions: EvalQuestion[] = Array.from({ length: 100 }, (_, i) => ({
    id: `${i}`,
    question: `${i}?`,
    answerable: i < 70,
    accept: [],
    document: null,
    heading: null,
  }));
  const some = sample(questions, 20);
  t.equal(some.length, 20);
  t.equal(some.filter(({ answerable }) => !answerable).length, 6);
  t.equal(some[0]!.id, '0');
  t.ok(some.some(({ id }) => Number(id) > 60 && Number(id) < 70));
});

t.test('questions are read whatever mark or encoding an editor saved them with', async (t) => {
  const line = JSON.stringify({ id: 'q1', question: 'Wie hoch ist die Gebühr?', answerable: false });
  const folder = t.testdir({});
  for (const [name, content] of Object.entries({
    marked: Buffer.from(`\ufeff${line}\n`),
    wide: Buffer.from(`\ufeff${line}\n`, 'utf16le'),
  })) {
    const file = join(folder, name);
    writeFileSync(file, content);
    t.match(readDataset(file), [{ id: 'q1', question: 'Wie hoch ist die Gebühr?' }], name);
  }
});
