import { addAbortListener, once, setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Aborter } from '../../../src/abort/aborter.js';

const why = new Error('why');

t.test('a signal tells once that it was aborted, and why', (t) => {
  const { signal, ...rest } = { signal: new Aborter().signal };
  t.same(rest, {});
  t.ok(signal instanceof AbortSignal);
  t.equal(signal.aborted, false);
  signal.throwIfAborted();
  const controller = new Aborter();
  const heard: string[] = [];
  controller.signal.addEventListener('abort', ({ type }) => heard.push(type), { once: true });
  controller.signal.onabort = () => heard.push('on');
  const left = () => heard.push('left');
  controller.signal.addEventListener('abort', left);
  controller.signal.removeEventListener('abort', left);
  controller.abort(why);
  controller.abort(new Error('another'));
  t.same(heard, ['abort', 'on']);
  t.equal(controller.signal.aborted, true);
  t.equal(controller.signal.reason, why);
  t.throws(() => controller.signal.throwIfAborted(), why);
  const taking = new Aborter();
  taking.signal.addEventListener('abort', () => taking.signal.removeEventListener('abort', left));
  taking.signal.addEventListener('abort', left);
  taking.signal.addEventListener('abort', { handleEvent: () => heard.push('object') });
  taking.abort();
  t.same(heard, ['abort', 'on', 'object'], 'who is taken away by one before it hears nothing');
  const plain = new Aborter();
  plain.abort();
  t.match(plain.signal.reason, { name: 'AbortError' });
  t.end();
});

t.test('what is made of it by AbortSignal.any ends with it, however often, and before or behind its end', (t) => {
  const [first, second] = [new Aborter(), new Aborter()];
  const both = AbortSignal.any([first.signal, second.signal]);
  const again = AbortSignal.any([both, new Aborter().signal]);
  const alone = AbortSignal.any([second.signal]);
  t.equal(again.aborted, false);
  first.abort(why);
  t.same([both.aborted, again.aborted, alone.aborted], [true, true, false]);
  t.equal(again.reason, why);
  t.equal(AbortSignal.any([second.signal, first.signal]).reason, why);
  second.abort(why);
  t.equal(alone.aborted, true);
  t.end();
});

t.test('what Node takes a signal for takes it: timers, listeners, requests', async (t) => {
  const controller = new Aborter();
  const { signal } = controller;
  const sleeping = t.rejects(sleep(60_000, undefined, { signal }), { name: 'AbortError' });
  const waiting = t.rejects(once(new EventTarget(), 'never', { signal }), { name: 'AbortError' });
  setMaxListeners(0, signal);
  let heard = 0;
  const disposable = addAbortListener(signal, () => heard++);
  t.ok(disposable);
  const server = createServer(() => controller.abort(why)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await t.rejects(fetch(url, { signal }), why);
  await Promise.all([sleeping, waiting]);
  t.equal(heard, 1);
});
