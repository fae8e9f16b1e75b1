/** The gateways that are compared, each before the same upstream. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeDataDir, startGateway, temporaryDataDir } from '../../tests/integration/gateway-process.js';
import { registerTenant } from '../gateway/tenant.js';
import { freePort, runProgram, startServer } from '../peers/processes.js';
import type { Target } from './drive.js';

export interface RunningGateway extends Target {
  readonly pid: number;
  stop(): Promise<unknown>;
}

export interface GatewayContext {
  /** Of the upstream. */
  readonly upstream: string;
  readonly workDir: string;
  readonly say: (line: string) => void;
}

const INSTALLED = join(import.meta.dirname, '.installed');
const PORTKEY = '1.15.2';
const LITELLM = '1.108.7';
const START_TIMEOUT_MS = 180_000;

/** As shipped, but for its engine: with keys, limits, records, metrics and the audit log. */
export async function switchyard({ upstream }: GatewayContext): Promise<RunningGateway> {
  const dataDir = temporaryDataDir();
  const env = {
    SWITCHYARD_DEMO: 'false',
    SWITCHYARD_UPSTREAM_URLS: upstream,
    SWITCHYARD_UPSTREAM_DIALECT: 'openai',
    // It takes whatever comes.
    SWITCHYARD_UPSTREAM_SLOTS: '1000',
    SWITCHYARD_SERVER_LOG_LEVEL: 'info',
    SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '10000000',
  };
  const limits = { tokensPerMinute: 1e11, tokensPerMonth: 1e12, concurrentRequests: 1000 };
  const { key } = await registerTenant(dataDir, env, limits);
  const gateway = await startGateway(dataDir, env);
  const stop = async () => {
    await gateway.stop();
    removeDataDir(dataDir);
  };
  const headers = { authorization: `Bearer ${key}` };
  return { name: 'Switchyard', url: gateway.url, headers, model: 'assistant', pid: gateway.pid, stop };
}

export async function portkey({ upstream, workDir, say }: GatewayContext): Promise<RunningGateway> {
  const folder = join(INSTALLED, 'portkey');
  const main = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (!existsSync(main)) {
    say(`Installing Portkey's gateway ${PORTKEY} once.`);
    mkdirSync(folder, { recursive: true });
    const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', `@portkey-ai/gateway@${PORTKEY}`];
    await runProgram({ command: 'npm', args, cwd: folder, logFile: join(workDir, 'portkey-install.log') });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = {
    command: process.execPath,
    args: [main, '--headless', `--port=${port}`],
    env: { NODE_ENV: 'production' },
    logFile: join(workDir, 'portkey.log'),
  };
  const { pid, stop } = await startServer(program, url, START_TIMEOUT_MS);
  const headers = {
    authorization: 'Bearer sk-none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${upstream}/v1`,
  };
  return { name: 'Portkey', url, headers, model: 'instant', pid, stop };
}

export async function litellm({ upstream, workDir, say }: GatewayContext): Promise<RunningGateway> {
  const venv = join(INSTALLED, 'litellm');
  const command = join(venv, 'bin/litellm');
  if (!existsSync(command)) {
    say(`Installing LiteLLM's proxy ${LITELLM} once.`);
    mkdirSync(venv, { recursive: true });
    const logFile = join(workDir, 'litellm-install.log');
    const run = (program: string, ...args: string[]) => runProgram({ command: program, args, cwd: venv, logFile });
    await run('python3', '-m', 'venv', '--clear', venv);
    await run(join(venv, 'bin/pip'), 'install', '--quiet', `litellm[proxy]==${LITELLM}`);
  }
  const config = join(workDir, 'litellm.json');
  const model = { model: 'openai/instant', api_base: `${upstream}/v1`, api_key: 'none' };
  writeFileSync(config, JSON.stringify({ model_list: [{ model_name: 'instant', litellm_params: model }] }));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = {
    command,
    args: ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'],
    env: { LITELLM_MASTER_KEY: 'sk-master', LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR' },
    logFile: join(workDir, 'litellm.log'),
  };
  const { pid, stop } = await startServer(program, `${url}/health/liveliness`, START_TIMEOUT_MS);
  return { name: 'LiteLLM', url, headers: { authorization: 'Bearer sk-master' }, model: 'instant', pid, stop };
}
