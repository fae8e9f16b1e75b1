// Writes the files that are made from code; with --check only says which are stale, and fails then.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { monitoringFiles } from './monitoring/files.js';
import { openApi } from './openapi.js';
import { referencePages } from './reference-pages.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const generated = Object.entries({ ...referencePages(), ...monitoringFiles(), 'openapi.yaml': await openApi() });
const stale = generated.filter(([path, text]) => current(path) !== text);

if (process.argv.includes('--check')) {
  for (const [path] of stale) process.stderr.write(`${path} is stale. Run npm run generate.\n`);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    process.stderr.write(`${path} written\n`);
  }
}

function current(path: string): string | null {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return null;
  }
}
