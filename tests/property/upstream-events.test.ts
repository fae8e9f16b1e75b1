import fc from 'fast-check';
import t from 'tap';
import { readEvents } from '../../src/upstream/events.js';
import { ReplicaFailure } from '../../src/upstream/failure.js';

const data = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, ' '));

/** Bytes, cut where a test says; an empty piece as well. */
async function* cut(bytes: Uint8Array, at: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...at.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [i, place] of places.entries()) if (i > 0) yield bytes.subarray(places[i - 1]!, place);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const all: string[] = [];
  for await (const events of readEvents(chunks)) all.push(...events);
  return all;
}

t.test('events arrive as they were sent, wherever the bytes are cut and however lines end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ text: data, comment: fc.boolean(), end: fc.constantFrom('\n', '\r\n') }), {
        maxLength: 8,
      }),
      fc.array(fc.nat(), { maxLength: 20 }),
      async (events, at) => {
        // One kind of line end a stream, as servers have it.
        const end = events[0]?.end ?? '\n';
        const lines = events.map(({ text, comment }) => `${comment ? `: ping${end}` : ''}data: ${text}${end}${end}`);
        const bytes = new TextEncoder().encode(lines.join(''));
        const texts = events.map(({ text }) => text);
        const received = await collect(cut(bytes, at));
        if (JSON.stringify(received) !== JSON.stringify(texts)) {
          throw new Error(`${JSON.stringify(received)} in place of ${JSON.stringify(texts)}`);
        }
      },
    ),
  );
});

t.test('garbage is read to its end, or refused as what it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(), { maxLength: 10 }), async (bytes, at) => {
      await collect(cut(bytes, at)).catch((error: unknown) => {
        if (!(error instanceof ReplicaFailure && error.kind === 'broken')) throw error;
      });
    }),
  );
});

t.test('an event without end is refused before it fills the memory', async (t) => {
  async function* endless() {
    for (;;) yield new Uint8Array(65_536).fill(0x61);
  }
  await t.rejects(collect(endless()), { kind: 'broken', message: /more than 1048576 characters/ });
});
