// Builds the kernels of native/ where that is not done yet. npm runs it when the package is installed, `setup.mjs` for a
// clone. Plain JavaScript without dependencies. Without a compiler the package installs all the same.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, isCurrent, root } from './stamps.mjs';

const stamp = join(root, 'native/build/.switchyard-kernels');

/** @param build runs a command of npm's; it fails by an exception */
export async function buildKernels(build) {
  const wanted = digestOf('native/src', ['native/binding.gyp']);
  if (isCurrent(stamp, wanted)) return;
  await build('npm', ['run', 'build:native']);
  writeFileSync(stamp, wanted);
}

function buildQuietly(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}${error ?? ''}`.slice(-2000));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildKernels(buildQuietly).catch((error) => {
    process.stderr.write(
      `${error.message}\nswitchyard: the kernels could not be built; the engine will be slower: it runs on stock operators.\n`,
    );
  });
}
