import t from 'tap';
import { judgePersonal, personalInSamples } from '../../../bench/safety/personal.js';

t.test('of personal data that has a shape at least 95 % is found, and little else', (t) => {
  const { recall, falseAlarms, missed, wrong } = judgePersonal();
  t.ok(recall >= 0.95, JSON.stringify(missed));
  t.ok(falseAlarms <= 0.1, JSON.stringify(wrong));
  t.ok(personalInSamples().characters > 100_000);
  t.end();
});
