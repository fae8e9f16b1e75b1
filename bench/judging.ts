/**
 * Whether anybody waits longer for a first token because the answer before it is being judged: two gateways as shipped, one of which
 * judges nothing, take turns with the same questions, each asked as soon as the answer before it has ended. Whoever's turn it is not is
 * stopped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_TENANTS } from '../src/demo/tenants.js';
import { removeDataDir, startAsShipped } from '../tests/integration/gateway-process.js';
import { indexedDataDir } from '../tests/integration/indexed-documents.js';
import { type Client, createClient } from './gateway/client.js';
import { bankQuestions } from './gateway/questions.js';
import { quantile } from './load.js';
import type { Bench } from './main.js';
import { pauseTree, resumeTree } from './peers/processes.js';

const ARMS = { judged: {}, unjudged: { SWITCHYARD_QUALITY_MAX_WAITING: '0' } } as const;
type Arm = keyof typeof ARMS;
const ROUNDS = { quick: 3, whole: 12 };
const ASKED = 12;
const ANSWER_TOKENS = 48;
/** What a gateway that was stopped has to catch up with. */
const SETTLE_MS = 1000;

const run: Bench = async ({ quick, say }) => {
  const arms = await Promise.all([start('judged'), start('unjudged')]);
  const times: Record<Arm, number[]> = { judged: [], unjudged: [] };
  try {
    const questions = bankQuestions();
    for (const { pid } of arms) pauseTree(pid);
    for (let round = 0; round < ROUNDS[quick ? 'quick' : 'whole']; round++) {
      const asked = questions.slice(round * ASKED, (round + 1) * ASKED);
      for (const { arm, pid, client } of round % 2 === 0 ? arms : arms.toReversed()) {
        resumeTree(pid);
        await sleep(SETTLE_MS);
        for (const question of asked) times[arm].push((await client.stream(question, ANSWER_TOKENS))[0]!);
        pauseTree(pid);
      }
    }
  } finally {
    for (const { pid, end } of arms) {
      resumeTree(pid);
      await end();
    }
  }
  const figures: Record<string, number> = {};
  for (const arm of ['judged', 'unjudged'] as const) {
    for (const [name, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
    ] as const)
      figures[`ttft_${name}_${arm}_ms`] = Math.round(quantile(times[arm], share));
    say(`${arm}: ${times[arm].map(Math.round).join(' ')}`);
  }
  const ratio = (name: string) =>
    Number((figures[`ttft_${name}_judged_ms`]! / figures[`ttft_${name}_unjudged_ms`]!).toFixed(3));
  return { ...figures, ttft_p50_ratio: ratio('p50'), ttft_p95_ratio: ratio('p95') };
};
export default run;

async function start(arm: Arm): Promise<{ arm: Arm; pid: number; client: Client; end(): Promise<void> }> {
  const dataDir = await indexedDataDir();
  const gateway = await startAsShipped(dataDir, ARMS[arm]);
  return {
    arm,
    pid: gateway.pid,
    client: await createClient(gateway.url, DEMO_TENANTS[0]!.secret),
    async end() {
      await gateway.stop('SIGKILL');
      removeDataDir(dataDir);
    },
  };
}
