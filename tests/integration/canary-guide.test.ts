/** Both ends of a rollout and an experiment on the real model, as docs/guides/canary.md has them. */
import { join } from 'node:path';
import t from 'tap';
import { readPublicKey } from '../../src/audit/signing-key.js';
import { verifyLogs } from '../../src/audit/verify.js';
import type { RolloutEvent } from '../../src/contracts/rollouts.js';
import { Sqlite } from '../../src/sqlite/open.js';
import { removeDataDir, startGateway } from './gateway-process.js';
import { indexedDataDir } from './indexed-documents.js';
import { commandsOf, shell } from './tour.js';

const PARTS = ['## Traffic', '## A version that is worse', '## A version that is better', '## Which of two is better'];

/** What a reader should see of each command, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /^$/,
  /northwind-bank@3[\s\S]*northwind-bank@3 +50 % +1 of 2 +running/,
  /rolled back +northwind-bank@1 .* controller .* worse in (groundedness|time_per_output_token)/,
  /"type": "rolled_back"[\s\S]*"evidenceOfWorse"/,
  /promoted +northwind-bank@2 .* controller /,
  /northwind-bank@1 /,
  /by cost: winner, one is better/,
  /assistant +northwind-bank@1/,
];

t.test('a worse version is rolled back by itself, a better one is promoted, and no request fails', async (t) => {
  const dataDir = await indexedDataDir();
  const gateway = await startGateway(dataDir, { SWITCHYARD_ROLLOUTS_LOOK_EVERY_MS: '300' });
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });
  // One passage a prompt: most of the time goes into reading them.
  await shell('npx switchyard deployments set assistant --tenant northwind-bank --top-k 1', gateway);
  const commands = PARTS.flatMap((part) => commandsOf('docs/guides/canary.md', part));
  t.equal(commands.length, EXPECTED.length, 'each command has something to show');
  const outputs: string[] = [];
  for (const [i, command] of commands.entries()) {
    // The small model's versions, files of this run alone, and half of the traffic, by which a proof comes sooner.
    const here = command
      .replaceAll('qwen2.5-coder-0.5b-instruct', 'smollm2-135m-instruct')
      .replace('--steps 25 50 100 --least-time', '--steps 50 100 --least-time')
      .replaceAll('/tmp/', `${dataDir}/`);
    outputs.push(await shell(here, gateway));
    t.match(outputs[i], EXPECTED[i]!, command);
  }

  const [rollback] = JSON.parse(outputs[3]!) as RolloutEvent[];
  const { metrics } = rollback!.evidence!;
  const groundedness = metrics.find(({ metric }) => metric === 'groundedness')!;
  t.ok(groundedness.canary! < groundedness.stable!, 'the evidence holds the figures');
  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  const statuses = database.prepare("SELECT status FROM adapters WHERE name = 'northwind-bank' ORDER BY version");
  t.same(statuses.pluck().all(), ['approved', 'quarantined', 'quarantined'], 'what was rolled back is out of reach');
  const events = database.prepare(
    "SELECT type FROM rollout_events WHERE deployment = 'assistant' AND tenant = ? ORDER BY revision",
  );
  t.same(
    events
      .pluck()
      .all('northwind-bank')
      .filter((type) => type !== 'deployed'),
    [
      ...['canary_set', 'started', 'rolled_back'],
      ...['started', 'advanced', 'advanced', 'promoted', 'rolled_back'],
      ...['experiment_started', 'experiment_ended'],
    ],
    'step by step',
  );
  const outcomes = database.prepare('SELECT DISTINCT outcome FROM answers ORDER BY outcome').pluck().all();
  database.close();
  // Whoever is on the way when the traffic ends hangs up.
  t.same(
    outcomes.filter((outcome) => outcome !== 'aborted'),
    ['completed'],
  );
  const logs = verifyLogs(dataDir, readPublicKey(dataDir), []);
  t.same(
    logs.flatMap(({ problem }) => problem ?? []),
    [],
    'the audit log is sound',
  );
});
