/** The real gateway, with the small base and its own adapters, killed in the midst of an evaluation. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { registerBank } from '../fixtures/gateway/bank.js';
import { run as runCommand } from './cli/cli-app.js';
import { removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';

const SETTINGS = { SWITCHYARD_DEMO: 'false', SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024' };
const DOCUMENT = `# Fees\n\nThe Harbour account costs £5 a month. Lost cards are replaced for £12.\n\n# Branches\n\nBranches open at 9:30.\n`;
const fact = (id: string, question: string, accept: string) =>
  JSON.stringify({ id, question, answerable: true, accept: [accept], document: 'fees.md', heading: null });
const LINES = [
  fact('fee', 'What does the Harbour account cost a month?', '£5'),
  fact('card', 'What does a new card cost when I lost mine?', '£12'),
  fact('open', 'When do branches open?', '9:30'),
  ...Array.from({ length: 12 }, (_, n) =>
    JSON.stringify({ id: `none-${n}`, question: `What is the boiling point of metal number ${n}?`, answerable: false }),
  ),
];

t.test(
  'an evaluation goes on after kill -9, counts for no tenant, and its report stays with the version',
  async (t) => {
    const dataDir = temporaryDataDir();
    t.teardown(() => removeDataDir(dataDir));
    const [key, admin] = await registerBank(dataDir, ['inference', 'documents'], ['admin']);
    let gateway = await startGateway(dataDir, SETTINGS);
    t.teardown(() => gateway.stop());
    const call = async <T>(path: string, body?: object, as = admin): Promise<T> => {
      const headers = { authorization: `Bearer ${as}`, 'content-type': 'application/json' };
      const post = body && { method: 'POST', body: JSON.stringify(body) };
      return (await fetch(gateway.url + path, { headers, ...post })).json() as Promise<T>;
    };
    const form = new FormData();
    form.append('purpose', 'assistants');
    form.append('file', new Blob([DOCUMENT]), 'fees.md');
    const headers = { authorization: `Bearer ${key}` };
    const file = await (await fetch(`${gateway.url}/v1/files`, { method: 'POST', headers, body: form })).json();
    const store = await call<{ id: string }>(
      '/v1/vector_stores',
      { name: 'Fees', file_ids: [(file as { id: string }).id] },
      key,
    );
    const isIndexed = async () =>
      (await call<{ status: string }>(`/v1/vector_stores/${store.id}`, undefined, key)).status === 'completed';
    while (!(await isIndexed())) await sleep(50);

    type Run = {
      id: string;
      status: string;
      answered: number;
      attempts: number;
      figures: Record<string, number> | null;
    };
    const runs = '/admin/tenants/bank/evaluation-runs';
    const started = await call<Run>(runs, {
      ...{ adapter: 'support', version: 2, retrieval: { enabled: true } },
      questions: LINES.map((line) => JSON.parse(line) as object),
    });
    t.match(started, { status: 'queued', questions: 15, progress: 0 }, JSON.stringify(started));
    const look = () => call<Run>(`${runs}/${started.id}`);
    while ((await look()).answered < 3) await sleep(50);
    await gateway.stop('SIGKILL');
    gateway = await startGateway(dataDir, SETTINGS);
    const before = await look();
    t.ok(before.answered >= 3 && before.answered < 15, `${before.answered} were answered`);

    const cli = (...argv: string[]) =>
      runCommand('--url', gateway.url, '--key', admin!, 'eval', ...argv, '--tenant', 'bank');
    const followed = await cli('show', started.id, '--wait', '--require', 'questions>=9');
    t.equal(followed.code, 0, followed.err);
    t.match(followed.out, /support@2 +assistant +completed +15 of 15/);
    t.match(followed.out, /FACT +FACT, CITED RIGHT .*REFUSED OF FOUND/s);
    const done = await look();
    t.match(done, { status: 'completed', attempts: 2, report: 1, figures: { questions: 15, found: Number } });
    const answers = JSON.parse((await cli('show', started.id, '--answers', '--json')).out) as { answer: string }[];
    t.equal(answers.length, 15);
    t.ok(answers.every(({ answer }) => answer !== null));

    t.match(await call('/v1/usage', undefined, key!), { total: { answers: 0, total_tokens: 0 } });
    const metrics = await (
      await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${admin}` } })
    ).text();
    t.notMatch(metrics, /^switchyard_(requests_total|tokens_total|retrieval_top_score)[^\n]*tenant="bank"/m);
    t.match(
      metrics,
      /^switchyard_evaluation_answers_total\{tenant="bank",adapter="support@2",outcome="completed"\} \d+$/m,
    );
    const card = await fetch(`${gateway.url}/admin/tenants/bank/adapters/support/versions/2/card`, {
      headers: { authorization: `Bearer ${admin}` },
    });
    t.match(await card.text(), /### evaluation in assistant[\s\S]*\| questions \| 15 \|/);

    const questions = join(dataDir, 'questions.jsonl');
    writeFileSync(questions, LINES.join('\n'));
    const next = await cli('run', 'support@1', '--questions', questions, '--no-retrieval', '--sample', '12', '--json');
    const { id } = JSON.parse(next.out) as Run;
    t.match((await cli('cancel', id)).out, /cancelled/);
    t.match(await cli('show', id, '--wait'), { code: 1, err: /It is cancelled/ });
    const required = await cli('run', 'support@1', '--questions', questions, '--sample', '2', '--require', 'fact>=0.9');
    t.match(required, { code: 1, err: /It does not hold that fact >= 0\.9/ });
    t.match((await cli('list')).out, new RegExp(`${id} +support@1 +assistant +cancelled`));
  },
);
