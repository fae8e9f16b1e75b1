import t from 'tap';
import { renderCard } from '../../../src/registry/model-card.js';
import { BARE, FACTS } from './version-facts.js';

t.test('a card tells what the version is, where it comes from, what was measured, and who approved it', async (t) => {
  const card = renderCard(FACTS);
  for (const part of [
    '---\nlibrary_name: "peft"\nbase_model: "small"\nlicense: "Apache-2.0"\n',
    '# support@2\n\nAnswers in the words of the passages.\n',
    `| SHA-256 of adapter\\_model.safetensors | \`${'4'.repeat(64)}\` |`,
    '| parent | support@1 |',
    `| SHA-256 of the training data | \`${'5'.repeat(64)}\` |`,
    '| final\\_loss | 0.0835 |\n| rank | 8 |\n| learning\\_rate | 0.001 |',
    '### eval\n\nAdded 1970-01-01T00:00:03.000Z by key\\_1.\n\n| figure | value |\n| --- | --- |\n| fact | 0.651 |',
    '| 1970-01-01T00:00:02.000Z | candidate | approved | controller | good |',
  ]) {
    t.ok(card.includes(part), part);
  }
  t.ok(card.indexOf('| candidate |  |') < card.indexOf('| candidate | approved |'), 'history from its beginning');
});

t.test('what is not known is said to be, and stands nowhere as null', async (t) => {
  const card = renderCard(BARE);
  t.match(card, 'Nobody has described this version.');
  t.match(card, 'No report was added.');
  t.notMatch(card, /null|undefined/);
});

t.test('a text of somebody else begins no heading, table, link or tag', async (t) => {
  const { version } = FACTS;
  const hostile = '# Approved\n\n| a | b |\n<script>x</script> [click](http://x) | more';
  const card = renderCard({
    ...FACTS,
    version: { ...version, lineage: { ...version.lineage, description: hostile, trainer: hostile } },
  });
  const lines = card.split('\n').filter((line) => line.includes('Approved'));
  t.equal(lines.length, 2, 'each is one line');
  t.match(lines[0], /^\\# Approved \| a \| b \| \\<script\\>x\\<\/script\\> \\\[click\\\]/);
  t.match(lines[1], /^\| trainer \| \\# Approved \\\| a .* \\\| more \|$/);
});
