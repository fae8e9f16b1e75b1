import type { Test } from 'tap';
import { runCli } from '../../../src/cli/run.js';
import type { ModelImports } from '../../../src/contracts/model-imports.js';
import type { Retrieval } from '../../../src/contracts/retrieval.js';
import { adminApp } from '../../http/admin-app.js';

/** A command line, and what it wrote. */
export async function run(...argv: readonly string[]) {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    interactive: false,
  });
  return { code, out, err };
}

/** A gateway that listens, and a command line that talks to it. */
export async function cliApp(
  t: Test,
  options: { retrieval?: Retrieval; modelImports?: ModelImports; files?: object; settings?: object } = {},
) {
  const { app, root, registry, captures } = await adminApp(t, options);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const cli = (...argv: readonly string[]) => run('--url', url, ...argv);
  const json = async (...argv: readonly string[]) => JSON.parse((await cli('--json', ...argv)).out);
  return { url, root, registry, captures, cli, json };
}
