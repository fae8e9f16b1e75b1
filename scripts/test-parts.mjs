// Tests that are no part of `npm test`, as they install programs and take long: `tests/FOLDER/*.FOLDER.ts`, all of them or the
// parts that are named. `npm run test:deploy static`, `npm run test:agents pi`.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const [kind, ...wanted] = process.argv.slice(2);
const folder = `tests/${kind}`;
const suffix = `.${kind}.ts`;
const parts = readdirSync(folder).filter((name) => name.endsWith(suffix));
const chosen = wanted.length > 0 ? wanted.map((part) => part + suffix) : parts;
const unknown = chosen.find((name) => !parts.includes(name));
if (unknown !== undefined) {
  process.stderr.write(
    `There is no ${folder}/${unknown}. Parts: ${parts.map((name) => name.slice(0, -suffix.length)).join(', ')}\n`,
  );
  process.exit(2);
}
const files = chosen.map((name) => `${folder}/${name}`);
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', '--jobs', '1', '--timeout', '3600', ...files], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
