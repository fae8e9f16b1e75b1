// Format, lint, types, import rules, dead code, generated files: everything about the code that needs no running.
import { spawnSync } from 'node:child_process';

const steps = [
  ['format and lint', 'biome', ['ci', '.']],
  [
    'types',
    'tsc',
    ['-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/types.tsbuildinfo'],
  ],
  ['types of the console', 'tsc', ['-p', 'src/console/tsconfig.json']],
  ['import rules', 'depcruise', ['src', '--config', '.dependency-cruiser.mjs']],
  ['dead code', 'knip', []],
  ['generated files', 'tsx', ['scripts/generate.ts', '--check']],
  ['openapi.yaml', 'redocly', ['lint', 'openapi.yaml']],
];

for (const [name, command, args] of steps) {
  process.stderr.write(`— ${name}\n`);
  const { status } = spawnSync('npx', ['--no-install', command, ...args], {
    stdio: 'inherit',
    env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
  });
  if (status !== 0) process.exit(status ?? 1);
}
