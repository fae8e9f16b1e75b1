/** The clients of Python against any gateway, as `client-suite.ts` does it for those of JavaScript. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { installPython } from '../python/packages.js';
import type { Gateway } from './client-suite.js';

const SCRIPT = resolve(import.meta.dirname, '../python/clients.py');
const CHECKS = ['answers', 'routing', 'errors', 'documents', 'embeddings', 'langchain'];

export async function pythonClients(t: Test, { address, key, embedder, dimensions }: Gateway): Promise<void> {
  await t.test('openai and LangChain in Python', async (t) => {
    const packages = installPython('requirements.txt');
    const child = spawn('python3', [SCRIPT, address, key, embedder, String(dimensions)], {
      // A temporary home: neither library may find settings of whoever runs the tests.
      env: { PATH: process.env.PATH, HOME: t.testdir({}), PYTHONPATH: packages, TMPDIR: join(t.testdirName) },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    const status = await new Promise((resolve) => child.on('close', resolve));
    t.equal(status, 0, output);
    for (const check of CHECKS) t.match(output, `ok ${check}`);
  });
}
