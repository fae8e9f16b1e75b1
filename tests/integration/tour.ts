import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runChild } from './child.js';
import type { GatewayProcess } from './gateway-process.js';

const ROOT = process.cwd();
/** What `npx switchyard` comes to, without the second of a processor that npm takes to find it. */
const CLI = `node ${resolve(ROOT, 'dist/cli/main.js')}`;

/** The commands of a page's part, in its order. */
export function commandsOf(page: string, heading: string): string[] {
  const part = readFileSync(resolve(ROOT, page), 'utf8').split(heading)[1]!.split('\n## ')[0]!;
  return [...part.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!);
}

/** Runs what a page says, against this gateway instead of the one of `npm start`. @returns what it wrote */
export function shell(
  command: string,
  gateway: Pick<GatewayProcess, 'url'>,
  { cwd = ROOT, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const here = command
    .replaceAll('http://127.0.0.1:8080', gateway.url)
    .replaceAll('npx switchyard', `${CLI} --url ${gateway.url}`);
  return runChild('bash', ['-euo', 'pipefail', '-c', here], { cwd, env: { ...process.env, ...env } });
}
