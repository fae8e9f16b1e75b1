// Drives the console in a real Chromium: `npm run test:console`. Where there is none, it is installed (Debian, as root).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const KNOWN = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const find = () => process.env.CHROMIUM ?? KNOWN.find((file) => existsSync(file));

if (find() === undefined) {
  const steps = [
    ['apt-get', 'update'],
    ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'],
  ];
  const isDone = steps.every(([command, ...args]) => spawnSync(command, args, { stdio: 'inherit' }).status === 0);
  if (!isDone || find() === undefined) {
    process.stderr.write('Chromium is missing and could not be installed. Install one, and name it in CHROMIUM.\n');
    process.exit(1);
  }
}
const { status } = spawnSync(
  process.execPath,
  ['scripts/test.mjs', '--jobs', '1', '--timeout', '900', 'tests/console/console.browser.ts', ...process.argv.slice(2)],
  { stdio: 'inherit', env: { ...process.env, CHROMIUM: find() } },
);
process.exit(status ?? 1);
