// Builds and runs what deploy/ says: `npm run test:deploy`. It needs root, Debian's package registry, PyPI, npm and Go's
// modules, and installs the programs it lacks; half an hour on two cores. One part: `npm run test:deploy static`.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folder = 'tests/deploy';
const parts = readdirSync(folder).filter((name) => name.endsWith('.deploy.ts'));
const chosen = process.argv.length > 2 ? process.argv.slice(2).map((part) => `${part}.deploy.ts`) : parts;
const unknown = chosen.find((name) => !parts.includes(name));
if (unknown !== undefined) {
  process.stderr.write(
    `There is no ${folder}/${unknown}. Parts: ${parts.map((name) => name.split('.')[0]).join(', ')}\n`,
  );
  process.exit(2);
}
const files = chosen.map((name) => `${folder}/${name}`);
const { status } = spawnSync(
  process.execPath,
  ['scripts/test.mjs', 'run', '--jobs', '1', '--timeout', '3600', ...files],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
