import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import type { Prompt } from '../../src/contracts/prompt.js';
import type { Tokenizer } from '../../src/contracts/tokenizer.js';
import { createTokenizer, type TokenizerOptions } from '../../src/tokenizer/client.js';
import { MODEL_DIR, readModelManifest } from '../fixtures/engine/engine.js';
import { loadModelTokenizer } from '../fixtures/tokenizer/inline-tokenizer.js';

const SETTINGS = { processes: 2, maxQueued: 8, maxQueuedCharacters: 2 ** 22, timeoutMs: 60_000 };
const manifest = readModelManifest();
const never = new AbortController().signal;
const as = (tenant: string, signal = never) => ({ tenant, signal });
const chat = (content: string): Prompt => ({ kind: 'chat', messages: [{ role: 'user', content }] });
/** Takes the tokenizer a good part of a second. */
const LONG = chat('abcdefghij'.repeat(6000));

const start = (settings: Partial<TokenizerOptions['settings']> = {}, modelDir = MODEL_DIR): Promise<Tokenizer> =>
  createTokenizer({
    modelDir,
    manifest,
    hangTimeoutMs: 10_000,
    fences: ['<passages>', '</passages>'],
    settings: { ...SETTINGS, ...settings },
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    log: { warn: () => {} },
  });

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/status`, 'utf8').includes(`PPid:\t${process.pid}\n`);
        return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('tokenizer/process/main');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** A folder with the tokenizer of the model and another chat template. */
function withTemplate(folder: string, template: string): string {
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(MODEL_DIR, manifest.tokenizer.file), path.join(folder, manifest.tokenizer.file));
  writeFileSync(path.join(folder, manifest.tokenizer.configFile), JSON.stringify({ chat_template: template }));
  return folder;
}

t.test('prompts are tokenized in processes of their own, as the library does it', async (t) => {
  const tokenizer = await start();
  t.teardown(() => tokenizer.close());
  t.equal(pids().length, 2);
  const inline = await loadModelTokenizer();
  const prompts: Prompt[] = [
    chat('hi'),
    chat('rm <filename> </passages>'),
    { kind: 'text', text: 'hi<|im_end|>' },
    { kind: 'tokens', ids: [3, 1, 2] },
  ];
  for (const prompt of prompts) t.same([...(await tokenizer.encode(prompt, as('a')))], [...inline.encode(prompt)]);
  t.same(await tokenizer.count(['one two', '', '<|im_end|>'], as('a')), [2, 0, inline.count('<|im_end|>')]);
  const text = 'Überweisung </s> 漢字 🙂 <|im_end|> x';
  const ids = [...(await tokenizer.encodeBare(text, as('a')))];
  t.equal(await tokenizer.decode(ids, as('a')), text, 'special tokens come back by their names');
  const spelled = await tokenizer.spell(ids, as('a'));
  t.equal(spelled.length, ids.length);
  t.ok(spelled.includes('<|im_end|>'));
  t.equal(await tokenizer.decode([], as('a')), '');
  await t.rejects(tokenizer.decode([0, 9_999_999], as('a')), { code: 'invalid_value', message: /tokens\[1\]/ });
  t.equal(tokenizer.leastTokens(LONG, 1e9), Math.ceil(59_999 / inline.bounds.lettersPerToken + 1));
  t.match(tokenizer.status(), { ready: true, reason: null, queued: 0 });
  t.ok(tokenizer.status().rssBytes > 0);
  await t.rejects(tokenizer.encode({ kind: 'infill', prefix: 'a', suffix: 'b', files: [] }, as('a')), {
    code: 'infill_not_supported',
  });
});

t.test("one tenant's long prompts do not hold up another's short one, and nobody's place is taken", async (t) => {
  const tokenizer = await start();
  t.teardown(() => tokenizer.close());
  const order: string[] = [];
  const flood = Array.from({ length: 9 }, async (_, i) => {
    await tokenizer.encode(LONG, as('greedy'));
    order.push(`long ${i}`);
  });
  await t.rejects(tokenizer.encode(LONG, as('greedy')), { code: 'queue_full', message: /8 requests/ });
  await tokenizer.encode(chat('hi'), as('modest'));
  t.same(order, [], 'the short one is through before any long one');
  await Promise.all(flood);
  t.equal(order.length, 9);
});

t.test('a prompt that is given up leaves the queue, and one that is worked on is dropped', async (t) => {
  const tokenizer = await start({ processes: 1, maxQueued: 1 });
  t.teardown(() => tokenizer.close());
  const [running, waiting] = [new AbortController(), new AbortController()];
  const first = t.rejects(tokenizer.encode(LONG, as('a', running.signal)), { message: 'gone' });
  const second = t.rejects(tokenizer.encode(chat('x'), as('a', waiting.signal)), { message: 'left' });
  await t.rejects(tokenizer.encode(chat('y'), as('a')), { code: 'queue_full' });
  waiting.abort(new Error('left'));
  const third = tokenizer.encode(chat('z'), as('a'));
  running.abort(new Error('gone'));
  await Promise.all([first, second]);
  t.ok((await third).length > 0);
  await t.rejects(tokenizer.encode(chat('x'), as('a', AbortSignal.abort(new Error('before')))), { message: 'before' });
});

t.test('a process that is killed fails its prompt with a retryable error, and is started again', async (t) => {
  const tokenizer = await start({ processes: 1 });
  t.teardown(() => tokenizer.close());
  const restarted = new Promise<void>((resolve) => {
    tokenizer.observe(() => resolve());
  });
  const ended = t.rejects(tokenizer.encode(LONG, as('a')), { code: 'tokenizer_unavailable', retryAfterS: 1 });
  const waiting = t.rejects(tokenizer.encode(chat('x'), as('b')), { code: 'tokenizer_unavailable' });
  process.kill(pids()[0]!, 'SIGKILL');
  await Promise.all([ended, waiting]);
  t.match(tokenizer.status(), { ready: false, reason: /SIGKILL/ });
  await t.rejects(tokenizer.encode(chat('x'), as('a')), { code: 'tokenizer_unavailable' });
  await restarted;
  while (!tokenizer.status().ready) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok((await tokenizer.encode(chat('x'), as('a'))).length > 0);
});

t.test('a template that does not come to its end is ended, and others are answered meanwhile', async (t) => {
  const loop = '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}';
  const template = `{% if messages[0].content == 'loop' %}${loop}{% endif %}{{ messages[0].content }}`;
  const tokenizer = await start({ timeoutMs: 1000 }, withTemplate(path.join(t.testdir(), 'loops'), template));
  t.teardown(() => tokenizer.close());
  const order: string[] = [];
  const looping = t
    .rejects(tokenizer.encode(chat('loop'), as('a')), { code: 'deadline_exceeded', params: { limitMs: 1000 } })
    .then(() => order.push('loop'));
  // Asked for together they would go to the same process, and the short one would be tried again after it.
  await new Promise((resolve) => setImmediate(resolve));
  t.equal((await tokenizer.encode(chat('hi'), as('b'))).length, 1);
  order.push('hi');
  await looping;
  t.same(order, ['hi', 'loop']);
});

t.test('an expression of a tokenizer that does not come to its end is ended', async (t) => {
  const folder = withTemplate(path.join(t.testdir(), 'expressions'), '{{ messages[0].content }}');
  const file = path.join(folder, manifest.tokenizer.file);
  const tokenizerJson = JSON.parse(readFileSync(file, 'utf8'));
  const split = { type: 'Split', pattern: { Regex: '(a+)+b' }, behavior: 'Isolated', invert: false };
  const pretokenizers = [split, tokenizerJson.pre_tokenizer];
  writeFileSync(file, JSON.stringify({ ...tokenizerJson, pre_tokenizer: { type: 'Sequence', pretokenizers } }));
  const tokenizer = await start({ processes: 1, timeoutMs: 500 }, folder);
  t.teardown(() => tokenizer.close());
  t.ok((await tokenizer.encode(chat('a'), as('a'))).length > 0);
  await t.rejects(tokenizer.encode(chat('a'.repeat(40)), as('a')), { code: 'deadline_exceeded' });
});

t.test('what is asked for when it closes ends, and no process is left', async (t) => {
  const tokenizer = await start({ processes: 1 });
  const ended = [LONG, chat('x')].map((prompt) =>
    t.rejects(tokenizer.encode(prompt, as('a')), { code: 'tokenizer_unavailable' }),
  );
  await tokenizer.close();
  await Promise.all(ended);
  t.same(pids(), []);
});

t.test('a tokenizer that cannot be loaded stops the start with the reason', async (t) => {
  const broken = withTemplate(path.join(t.testdir(), 'broken'), '{% if %}');
  await t.rejects(start({}, broken), { code: 'model_invalid', params: { file: 'tokenizer.json' } });
  await t.rejects(start({}, path.join(t.testdirName, 'nowhere')), { code: 'model_invalid', message: /ENOENT/ });
  t.same(pids(), []);
});
