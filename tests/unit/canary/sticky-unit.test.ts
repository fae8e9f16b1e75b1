import t from 'tap';
import { stickyUnit } from '../../../src/canary/sticky-unit.js';

const anonymous = { keyId: 'key_1', firstUserMessage: 'What does an early repayment cost?' };
const all = { ...anonymous, conversationHeader: 'a', conversationId: 'b', user: 'c', safetyIdentifier: 'd' };

t.test('the first hint that is there names the unit, and an empty one counts as missing', async (t) => {
  const order = ['conversationHeader', 'conversationId', 'user', 'safetyIdentifier'] as const;
  const hints: Record<string, string> = { ...all };
  for (const hint of order) {
    t.equal(stickyUnit({ ...anonymous, ...hints }), `named:${all[hint]}`);
    hints[hint] = '';
  }
});

t.test('a conversation without hints keeps its unit while it grows, and keys do not share one', async (t) => {
  const unit = stickyUnit(anonymous);
  t.equal(stickyUnit({ ...anonymous }), unit);
  t.not(stickyUnit({ ...anonymous, keyId: 'key_2' }), unit);
  t.not(stickyUnit({ ...anonymous, firstUserMessage: 'Another question' }), unit);
});

t.test('the unit holds no text of the message', async (t) => {
  t.notMatch(stickyUnit(anonymous), /repayment/);
});
