import { pino } from 'pino';
import t from 'tap';
import { LOG_NET } from '../../../src/http/plugins/log-net.js';

t.test('what is private in an object or an error is in no line, and all else is', async (t) => {
  const lines: string[] = [];
  const log = pino(LOG_NET, { write: (line: string) => void lines.push(line) });
  const call = Object.freeze({ headers: { authorization: 'SECRET' }, body: 'SECRET', status: 200 });
  log.info({ call, answer: { id: 'a1', prompt: 'SECRET' }, text: 'a field of its own' }, 'told');
  log.error({ err: Object.assign(new Error('it failed'), { body: 'SECRET', status: 500 }) }, 'failed');
  log.info('without fields');
  t.notMatch(lines.join(''), 'SECRET');
  const [told, failed, bare] = lines.map((line) => JSON.parse(line));
  t.match(told, { call: { status: 200, body: '[Redacted]' }, answer: { id: 'a1' }, text: 'a field of its own' });
  t.match(failed, { err: { message: 'it failed', status: 500, body: '[Redacted]' } });
  t.equal(bare.msg, 'without fields');
  t.same(call.body, 'SECRET', 'what is logged is not changed');
});
