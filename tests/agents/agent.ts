/** Agents of others, headless, in front of a gateway with the settings and the base that are shipped. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { loadConfig } from '../../src/config/load.js';
import { openGatewayRegistry } from '../fixtures/gateway/registry.js';
import { runChild } from '../integration/child.js';
import { removeDataDir, startAsShipped, temporaryDataDir } from '../integration/gateway-process.js';

export const BASE = 'qwen2.5-coder-0.5b-instruct';
/** A prompt of thousands of tokens and some answers, on a machine that does other things too. */
const TIMEOUT_MS = 900_000;

export interface Gateway {
  readonly url: string;
  readonly key: string;
}

/** The gateway, for one tenant without documents. @param contextTokens what the agent's own prompt needs */
export async function openGateway(t: Test, contextTokens: number): Promise<Gateway> {
  const dataDir = temporaryDataDir();
  const env = {
    SWITCHYARD_DEMO: 'false',
    SWITCHYARD_ENGINE_CONTEXT_TOKENS: String(contextTokens),
    SWITCHYARD_SERVER_REQUEST_TIMEOUT_MS: String(TIMEOUT_MS),
  };
  const { engine } = loadConfig({ env });
  const registry = await openGatewayRegistry({ dataDir, base: BASE, maxRank: engine.maxAdapterRank });
  await registry.createTenant({ id: 'editor', name: 'Editor' });
  const { secret: key } = await registry.createKey({ tenant: 'editor', label: 'agent', scopes: ['inference'] });
  await registry.close();
  const gateway = await startAsShipped(dataDir, env);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });
  return { url: gateway.url, key };
}

interface Run {
  /** @param project its folder */
  readonly command: (project: string) => readonly [program: string, ...args: string[]];
  /** Files of its project and of its home, by path below a folder that holds both. */
  readonly files: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs an agent in `project`, with `home` as its home, so that it finds no settings of whoever runs the tests.
 * @returns what it wrote to its standard output: a JSON object a line. @throws Error with what it wrote when it fails
 */
export async function runAgent(t: Test, { command, files, env = {} }: Run) {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-agent-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const project = join(folder, 'project');
  const [program, ...args] = command(project);
  const output = await runChild(program, args, {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: join(folder, 'home'), ...env },
    timeout: TIMEOUT_MS,
  });
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): Record<string, unknown> => JSON.parse(line));
}
