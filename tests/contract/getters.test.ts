import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import ts from 'typescript';

// V8 gives each object that is written with a getter a shape of its own, which holds the getter, and all that it sees, until the whole heap
// is looked through: a megabyte of somebody's prompt outlives its request by seconds (docs/decisions/0113-what-a-long-gap-coincides-with.md).
t.test('getters belong to classes', async (t) => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  t.ok(files.length > 100);
  for (const file of files) {
    const text = readFileSync(join('src', file), 'utf8');
    if (!/\bget \w+\(/.test(text)) continue;
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isGetAccessor(node) && ts.isObjectLiteralExpression(node.parent))
        t.fail(`${file}: ${node.name.getText()}`);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
});
