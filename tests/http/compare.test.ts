import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { EvaluationReport } from '../../src/contracts/versions.js';
import { run } from '../integration/cli/cli-app.js';
import { ADMIN_KEY, createTestServer, KEY, passage } from './fakes.js';

/** Version 1 says that the fee is £5, as the passage does, and version 2 that it is £9. */
async function setUp(t: Test, questions: readonly object[]) {
  const { app, engine, registry, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  retrieval.passages.set('bank', [passage('fees', 'The monthly fee of the account is £5.', 0.9)]);
  const { generate } = engine;
  engine.generate = (request, signal) => {
    engine.answer([`The monthly fee of the account is £${request.adapter?.version === 2 ? 9 : 5} [1].`]);
    return generate(request, signal);
  };
  const kept: Pick<EvaluationReport, 'name' | 'figures' | 'dataDigest'>[] = [];
  Object.assign(registry, {
    addEvaluation: async (_tenant: string, name: string, version: number, report: (typeof kept)[number]) => {
      kept.push(report);
      return { ...report, seq: 1, actor: `${name}@${version}`, createdAt: 0 };
    },
  });
  const file = join(t.testdir({}), 'questions.jsonl');
  writeFileSync(file, questions.map((question) => JSON.stringify(question)).join('\n'));
  const compare = (...argv: string[]) =>
    run(
      '--url',
      url,
      '--key',
      ADMIN_KEY,
      'eval',
      'compare',
      'assistant',
      ...argv,
      '--tenant',
      'bank',
      '--tenant-key',
      KEY,
    );
  return { compare, file, kept, engine, retrieval, registry };
}

const FEES = Array.from({ length: 24 }, (_, n) => ({
  question: `What is the fee of account ${n}?`,
  accept: ['£5'],
  cluster: n % 2 === 0 ? 'even' : 'odd',
}));

t.test('two versions are asked the same, and how they compare is kept in the lineage of the second', async (t) => {
  const { compare, file, kept, engine } = await setUp(t, FEES);
  const { code, out } = await compare('stable', '2', '--questions', file);
  t.equal(code, 0);
  t.match(out, /^2 against stable: fail, over 24 questions\.\n/);
  t.match(out, /right +24 +1\.000 +0\.000 +-1\.000 to -1\.000 +fail/);
  t.match(out, /\nall +24 +0 +0 +24 +0 % \(0 % to 0 %\)\n(even|odd) +12 +0 +0 +12/);
  t.match(kept, [
    {
      name: 'compare in assistant',
      figures: {
        against: 1,
        outcome: -1,
        questions: 24,
        left_out: 0,
        losses: 24,
        right_from: 1,
        right_to: 0,
        win_rate: 0,
      },
      dataDigest: /^[0-9a-f]{64}$/,
    },
  ]);
  const prompts = engine.requests.map(({ prompt, adapter }) => [JSON.stringify(prompt), adapter?.version] as const);
  const ofVersion = (wanted: number) => prompts.filter(([, version]) => version === wanted).map(([prompt]) => prompt);
  t.same(ofVersion(2).sort(), ofVersion(1).sort(), 'from the same passages');
  t.ok(engine.requests.every(({ sampling }) => sampling.temperature === 0));

  const same = await compare('1', '1', '--questions', file, '--sample', '20', '--no-keep', '--gate');
  t.match(same.out, /^1 against 1: pass, over 20 questions/);
  t.match(await compare('1', '2', '--questions', file, '--no-keep', '--gate'), {
    code: 1,
    err: /is fail; it must pass/,
  });
  t.equal(kept.length, 1);
});

t.test(
  'a question to which the two find other passages is asked again, and left out where they still do',
  async (t) => {
    const { compare, file, retrieval } = await setUp(t, FEES.slice(0, 2));
    let searches = 0;
    const { search } = retrieval;
    retrieval.search = async (...args) => {
      const found = await search(...args);
      const isChanging = args[0].query.includes('account 1');
      return isChanging ? { ...found, passages: [passage(`p${++searches}`, 'The fee is £5.', 0.9)] } : found;
    };
    const { out } = await compare('1', '2', '--questions', file, '--no-keep');
    t.match(out, /inconclusive, over 1 questions\. 1 were left out/);
    t.equal(searches, 4);
    t.match(await compare('one', '2', '--questions', file), { code: 2, err: /number or stable/ });
  },
);
