import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import t from 'tap';
import { createLogOutput } from '../../src/log-output.js';

function output() {
  const written: string[] = [];
  const out = new PassThrough();
  out.on('data', (chunk) => written.push(String(chunk)));
  const destination = createLogOutput(out);
  const messages = () =>
    written.map((text) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).msg),
    );
  return { out, destination, log: pino({}, destination), messages };
}

t.test('lines go out together, in their order, from all loggers of one output', async (t) => {
  const { out, destination, log, messages } = output();
  const other = pino({}, destination);
  log.info('one');
  other.info('two');
  log.child({ reqId: 'x' }).info('three');
  t.same(messages(), []);
  // A log keeps no process running.
  const alive = setInterval(() => {}, 1000);
  await once(out, 'data');
  clearInterval(alive);
  t.same(messages(), [['one', 'two', 'three']]);
});

t.test('what tells of trouble goes at once, behind what was said before it', async (t) => {
  const { log, messages } = output();
  log.info('before');
  log.warn('trouble');
  t.same(messages(), [['before', 'trouble']]);
});

t.test('what waits is written at the end, and much of it does not wait', async (t) => {
  const { destination, log, messages } = output();
  log.info('last');
  destination.flush();
  destination.flush();
  t.same(messages(), [['last']]);
  log.info('x'.repeat(70_000));
  t.equal(messages().length, 2);
});
