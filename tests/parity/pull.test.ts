import path from 'node:path';
import t from 'tap';
import { pullModel, verifyModel } from '../../src/model-import/models.js';

const dataDir = path.resolve('.switchyard');

for (const id of [
  'smollm2-135m-instruct',
  'qwen2.5-coder-0.5b-instruct',
  'bge-small-en-v1.5-qa',
  'multilingual-e5-small',
  'rampart-ner',
]) {
  t.test(`${id} is there, sound, and not fetched again`, async (t) => {
    const manifest = await pullModel(id, dataDir, ({ detail }) => t.fail(detail));
    t.equal(manifest.id, id);
    const wrong = (await verifyModel(id, dataDir)).filter(({ expected, actual }) => expected !== actual);
    t.same(wrong, []);
  });
}
