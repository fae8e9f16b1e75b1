import t from 'tap';
import { createApart } from '../../../../src/retrieval/process/apart.js';
import { createEmbedSoon } from '../../../../src/retrieval/process/embed-soon.js';
import type { TokenizedText } from '../../../../src/retrieval/process/embedder.js';
import { createPace } from '../../../../src/retrieval/process/pace.js';
import { createWorkQueue } from '../../../../src/retrieval/process/queue.js';

const LONG: TokenizedText = { ids: [1], tokens: 4096 };
const SHORT: TokenizedText = { ids: [1], tokens: 8 };

/** An embedder that tells where it embeds. */
function setUp({ hasThreads = true } = {}) {
  const where: string[] = [];
  const clock = { nowMs: 0 };
  const pace = createPace({ nowMs: () => clock.nowMs, waitedMs: () => 0 });
  const queue = createWorkQueue(pace, () => clock.nowMs);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const vectorsOf = (texts: readonly TokenizedText[]) => texts.map(({ tokens }) => Float32Array.of(tokens));
  const embedder = {
    embed: async (texts: readonly TokenizedText[]) => {
      where.push('here');
      return vectorsOf(texts);
    },
    embedApart: hasThreads
      ? async (texts: readonly TokenizedText[], precedence: string) => {
          where.push(precedence);
          await held;
          return vectorsOf(texts);
        }
      : null,
  };
  const embedSoon = createEmbedSoon({ embedder, queue, apart: createApart(1), pace });
  const embed = (tenant: string, text: TokenizedText) => embedSoon('search', tenant, () => [text]);
  return { where, clock, pace, embed, release };
}

t.test('who asks for much is embedded for behind everything, and no search waits for it', async (t) => {
  const { where, pace, embed, release } = setUp();
  t.same(await embed('flood', LONG), { vectors: [Float32Array.of(4096)], tokens: 4096 });
  pace.charge('flood', 501, false);
  const flood = [embed('flood', LONG), embed('flood', LONG)];
  t.same((await embed('person', SHORT)).tokens, 8);
  t.same(where, ['here', 'behind', 'here'], 'one at a time');
  release();
  t.same(
    (await Promise.all(flood)).map(({ tokens }) => tokens),
    [4096, 4096],
  );
  t.same(where, ['here', 'behind', 'here', 'behind']);
});

t.test('what is embedded behind everything counts', async (t) => {
  const { clock, pace, embed, release } = setUp();
  release();
  for (const tenant of ['flood', 'other']) pace.charge(tenant, 501, false);
  await embed('flood', LONG);
  clock.nowMs = 1000;
  t.notOk(pace.asksLittle('flood'));
  t.ok(pace.asksLittle('other'));
});

t.test('however slowly it is done behind everything, who never stops asking asks for much', async (t) => {
  const { where, clock, pace, embed, release } = setUp();
  pace.charge('flood', 501, false);
  const first = embed('flood', SHORT);
  await new Promise((resolve) => setImmediate(resolve));
  t.same(where, ['behind']);
  clock.nowMs = 2000;
  release();
  await first;
  await embed('flood', SHORT);
  t.same(where, ['behind', 'behind']);
  clock.nowMs = 3000;
  await embed('flood', SHORT);
  t.same(where, ['behind', 'behind', 'here'], 'and little after a second without');
});

t.test('an embedder without threads of its own embeds here', async (t) => {
  const { where, pace, embed } = setUp({ hasThreads: false });
  pace.charge('flood', 501, false);
  await embed('flood', LONG);
  t.same(where, ['here']);
});
