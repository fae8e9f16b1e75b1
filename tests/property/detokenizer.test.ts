import fc from 'fast-check';
import t from 'tap';
import { Detokenizer } from '../../src/engine/process/detokenizer.js';
import type { Vocabulary } from '../../src/engine/process/vocabulary.js';

const piecesOf = fc.array(
  fc.oneof(
    fc.uint8Array({ minLength: 0, maxLength: 4 }),
    fc.constantFrom('a', 'ab', 'b', 'ba', 'é', '\u{1f600}').map((text) => new TextEncoder().encode(text)),
  ),
  { maxLength: 30 },
);
const stopsOf = fc.array(fc.constantFrom('ab', 'aab', 'b', 'éa', '\ufffd', 'bab'), { maxLength: 3 });

t.test('pieces joined are the decoded whole up to its first stop text, whatever the token borders', async () => {
  fc.assert(
    fc.property(piecesOf, stopsOf, (pieces, stops) => {
      const vocabulary = { bytes: (id: number) => pieces[id]!, specials: () => new Map() } as unknown as Vocabulary;
      const detokenizer = new Detokenizer(vocabulary, stops);
      let text = '';
      let stopped = false;
      for (let id = 0; id < pieces.length && !stopped; id++) {
        const next = detokenizer.push(id);
        text += next.text;
        stopped = next.stopped;
      }
      if (!stopped) {
        const rest = detokenizer.end();
        text += rest.text;
        stopped = rest.stopped;
      }
      const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(pieces));
      const ends = stops.map((stop) => whole.indexOf(stop)).filter((at) => at !== -1);
      return stopped === ends.length > 0 && text === (stopped ? whole.slice(0, Math.min(...ends)) : whole);
    }),
    { numRuns: 500 },
  );
});
