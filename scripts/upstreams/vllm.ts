import { join } from 'node:path';
import type { PeerContext } from '../../bench/peers/peer.js';
import { freePort, startServer } from '../../bench/peers/processes.js';
import { vllm, vllmPlace } from '../../bench/peers/vllm.js';
import { commandsOf } from '../../tests/integration/tour.js';

export const GUIDE = 'docs/guides/vllm.md';
/** Where the guide has it listen. */
const GUIDE_PORT = '8000';
const GUIDE_SLOTS = '--max-num-seqs 8';
/** Without graphs compiled first, and with one thread, which waits for no other on a busy machine. */
const ON_A_CPU = {
  VLLM_CPU_KVCACHE_SPACE: '1',
  VLLM_CPU_OMP_THREADS_BIND: 'nobind',
  OMP_NUM_THREADS: '1',
  HF_HUB_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
};
const START_TIMEOUT_MS = 900_000;

/** By the command of the guide, on a free port. */
async function start(context: PeerContext): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const [command] = commandsOf(GUIDE, '## Start vLLM');
  const { programs, model } = vllmPlace(context);
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const slots = context.slots === undefined ? GUIDE_SLOTS : `--max-num-seqs ${context.slots}`;
  context.say(`Starting vLLM, which takes some minutes: ${command!.trim()}`);
  const program = {
    command: 'bash',
    args: ['-euc', `${command!.trim().replace(GUIDE_PORT, port).replace(GUIDE_SLOTS, slots)} --enforce-eager`],
    env: { ...ON_A_CPU, MODEL: model, PATH: `${programs}:${process.env.PATH}` },
    logFile: join(context.workDir, 'vllm.log'),
  };
  return { url, stop: (await startServer(program, `${url}/health`, START_TIMEOUT_MS)).stop };
}

/** Settings that the guide gives the gateway. */
export function gatewaySettings(url: string): Record<string, string> {
  const [command] = commandsOf(GUIDE, '## Start the gateway');
  const settings = [...command!.matchAll(/(SWITCHYARD_\w+)=(\S+)/g)].map(([, name, value]) => [name, value] as const);
  return { ...Object.fromEntries(settings), SWITCHYARD_UPSTREAM_URLS: url };
}

export const vllmByGuide = { install: (context: PeerContext) => vllm.install(context), start };
