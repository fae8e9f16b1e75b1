import t from 'tap';
import { parseModelName } from '../../../src/pipeline/resolve.js';

t.test('a model name is a deployment, or one with a version or an alias', async (t) => {
  t.same(parseModelName('assistant'), { deployment: 'assistant', version: null, alias: null });
  t.same(parseModelName('assistant@3'), { deployment: 'assistant', version: 3, alias: null });
  t.same(parseModelName('assistant@champion'), { deployment: 'assistant', version: null, alias: 'champion' });
  for (const bad of ['', '@3', 'a@', 'a@0', 'a@01', 'a@-1', 'a@1.5', 'a@B', 'a@-b', 'a@1@2', `a@${'9'.repeat(20)}`]) {
    t.equal(parseModelName(bad), null, bad);
  }
});
