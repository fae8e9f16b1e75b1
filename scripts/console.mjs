// Builds the console, the program that the gateway gives to browsers, into dist/console: `node scripts/console.mjs`.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const source = 'src/console';
const target = 'dist/console';

mkdirSync(target, { recursive: true });
await build({
  entryPoints: ['main.ts', 'styles/main.css'].map((file) => ({ in: join(source, file), out: 'main' })),
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  // Two years of browsers.
  target: ['chrome120', 'firefox121', 'safari17'],
  legalComments: 'eof',
  logLevel: 'warning',
});
for (const file of ['index.html', 'icon.svg']) copyFileSync(join(source, file), join(target, file));
