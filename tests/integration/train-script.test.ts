/** What `adapters/train/train.sh` and its recipes do with a name and a file, before anything is installed, fetched or trained. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CATALOG } from '../../src/model-import/catalog.js';

const TRAIN = join(process.cwd(), 'adapters/train');

const python = (program: string, ...args: string[]) =>
  spawnSync('python3', ['-B', '-c', program, ...args], { cwd: TRAIN, encoding: 'utf8' });

t.test(
  'a call that cannot train is refused before anything is fetched, and each model has checkpoints of its own',
  async (t) => {
    const folder = t.testdir({
      'requirements.txt': 'torch\n',
      '.venv': { 'installed.txt': 'torch\n', bin: { python: '#!/bin/sh\necho "$@"\n' } },
      'small-q4_k_m.gguf': '',
      'large-q4_k_m.gguf': '',
    });
    copyFileSync(join(TRAIN, 'train.sh'), join(folder, 'train.sh'));
    chmodSync(join(folder, '.venv/bin/python'), 0o755);
    const train = (...args: string[]) => spawnSync('sh', ['train.sh', ...args], { cwd: folder, encoding: 'utf8' });

    t.match(train(), { status: 2, stdout: '', stderr: /^usage: / });
    t.match(train('northwind-bank-9'), { status: 2, stdout: '', stderr: /^usage: / });
    t.match(train('samples-1'), { status: 2, stdout: '', stderr: /samples-1 is for the larger model/ });
    t.match(train('copilot-1', 'tiny.gguf'), { status: 2, stdout: '', stderr: /There is no file tiny\.gguf/ });

    const started = ['small', 'large'].map((model) => train('samples-1', `${model}-q4_k_m.gguf`));
    for (const one of started) t.match(one, { status: 0, stdout: /train\.py samples-1 --base \w+-q4_k_m\.gguf / });
    const [small, large] = started.map(({ stdout }) => /--checkpoint (\S+)/.exec(stdout)![1]);
    t.not(small, large);

    const { stdout: recipes } = python('from recipes import RECIPES; print(*RECIPES)');
    for (const recipe of recipes.trim().split(' '))
      t.match(train(recipe, 'small-q4_k_m.gguf'), { status: 0, stdout: new RegExp(`train\\.py ${recipe} `) });
  },
);

t.test('an adapter is of the base that the gateway calls by the same id, whatever its file is called', async (t) => {
  const bases = CATALOG.filter(({ kind }) => kind === 'base');
  const named = [
    ...bases.map(({ id, weights }) => [weights, id]),
    ['Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf', bases[0]!.id],
  ];
  const program =
    'import sys; from pathlib import Path; from recipes import base_id; print(*(base_id(Path(n)) for n in sys.argv[1:]))';
  const files = named.map(([file]) => file!);
  const { stdout, stderr } = python(program, ...files);
  t.same(
    stdout.trim().split(' '),
    named.map(([, id]) => id),
    stderr,
  );
});
