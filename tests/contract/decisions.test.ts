import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const FOLDER = 'docs/decisions';
const RECORDS = readdirSync(FOLDER).filter((name) => /^\d{4}-/.test(name));

t.test('a decision that another one replaces, or part of it, says so in its first line', async (t) => {
  let found = 0;
  for (const record of RECORDS) {
    const replaced =
      /^(?:Replaces|Amends)\b.*(?:\n(?!\n).*)*/m.exec(readFileSync(join(FOLDER, record), 'utf8'))?.[0] ?? '';
    for (const [, name] of replaced.matchAll(/\]\((\d{4}-[\w-]+\.md)\)/g)) {
      const [first] = readFileSync(join(FOLDER, name!), 'utf8').split('\n');
      t.match(first, `superseded`, `${name} by ${record}`);
      t.match(first, `](${record})`, `${name} by ${record}`);
      found++;
    }
  }
  t.ok(found > 0);
});
