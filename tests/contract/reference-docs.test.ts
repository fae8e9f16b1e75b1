import { readFileSync } from 'node:fs';
import t from 'tap';
import { referencePages } from '../../scripts/reference-pages.js';
import { SETTINGS } from '../../src/config/settings.js';
import { ERRORS } from '../../src/errors/table.js';
import { METRICS } from '../../src/metrics/table.js';

const committed = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

t.test('the committed reference pages are what the tables say', async (t) => {
  for (const [path, text] of Object.entries(referencePages()))
    t.equal(committed(path), text, `${path}: npm run generate`);
});

t.test('every setting, variable, error code and metric has its row', async (t) => {
  const rows = (page: string) => committed(`docs/reference/${page}.md`).split('\n');
  for (const { path, variables } of SETTINGS) {
    const row = rows('config').find((line) => line.startsWith(`| \`${path}\` |`));
    t.ok(row && variables.every((variable) => row.includes(`\`${variable}\``)), path);
  }
  for (const code of Object.keys(ERRORS))
    t.ok(
      rows('errors').some((line) => line.startsWith(`| \`${code}\` |`)),
      code,
    );
  for (const name of Object.keys(METRICS)) {
    t.ok(
      rows('metrics').some((line) => line.startsWith(`| \`switchyard_${name}\` |`)),
      name,
    );
  }
});

t.test('no description can break its table or go without an end', async (t) => {
  for (const { path, description } of SETTINGS) t.match(description, /^[A-Z].*\.$/, path);
  for (const [path, text] of Object.entries(referencePages())) {
    const tables = text.split('\n').filter((line) => line.startsWith('|'));
    t.ok(
      tables.every((line) => line.endsWith(' |')),
      path,
    );
  }
});
