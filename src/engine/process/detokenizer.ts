import { partialMatch } from '../../patterns/partial-match.js';
import type { Hole } from '../hole.js';
import { InfillCut } from './infill-cut.js';
import type { Vocabulary } from './vocabulary.js';

/** Text that is ready to be shown, and whether a stop text ended it. */
export interface DecodedText {
  readonly text: string;
  readonly stopped: boolean;
}

/**
 * Turns the tokens of one answer into text as they come: whole characters only, nothing that may turn out to be the
 * start of a stop text, and nothing from a stop text on; of a middle nothing from its border on. Whatever the token
 * borders are, the pieces joined are the decoded whole up to its first stop text. Bytes that are not UTF-8 become U+FFFD.
 */
export class Detokenizer {
  readonly #vocabulary: Vocabulary;
  readonly #stops: readonly string[];
  // A byte order mark inside an answer is text like any other.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #cut: InfillCut | null;
  /** Bytes of special tokens that count as text. */
  readonly #shown: ReadonlyMap<number, Uint8Array>;
  #held = '';
  #decodedLength = 0;
  #stopText: string | null = null;

  constructor(
    vocabulary: Vocabulary,
    stops: readonly string[],
    hole: Hole | null = null,
    shown: readonly string[] = [],
  ) {
    this.#vocabulary = vocabulary;
    this.#shown = vocabulary.specials(shown);
    this.#stops = stops.filter((stop) => stop !== '');
    this.#cut = hole === null ? null : new InfillCut(hole);
  }

  /** Characters decoded so far, shown or held. */
  get decodedLength(): number {
    return this.#decodedLength;
  }

  /** The one that ended the text; null: none did. */
  get stopText(): string | null {
    return this.#stopText;
  }

  /** @param begunBytes of the token that stand before the answer */
  push(id: number, begunBytes = 0): DecodedText {
    const bytes = this.#shown.get(id) ?? this.#vocabulary.bytes(id).subarray(begunBytes);
    const decoded = this.#take(this.#decoder.decode(bytes, { stream: true }));
    if (this.#cut === null) return decoded;
    const { text, ended } = this.#cut.push(decoded.text, decoded.stopped);
    return { text, stopped: ended };
  }

  /** What is still held when the answer ends for another reason than a stop text. */
  end(): DecodedText {
    const { text, stopped } = this.#take(this.#decoder.decode());
    const rest = stopped ? text : text + this.#held;
    return { text: this.#cut?.push(rest, true).text ?? rest, stopped };
  }

  #take(piece: string): DecodedText {
    this.#decodedLength += piece.length;
    const text = this.#held + piece;
    const found = this.#stops.map((stop) => ({ stop, at: text.indexOf(stop) })).filter(({ at }) => at !== -1);
    if (found.length > 0) {
      const first = found.reduce((best, one) => (one.at < best.at ? one : best));
      this.#stopText = first.stop;
      return { text: text.slice(0, first.at), stopped: true };
    }
    const shown = text.length - Math.max(0, ...this.#stops.map((stop) => partialMatch(text, stop)));
    this.#held = text.slice(shown);
    return { text: text.slice(0, shown), stopped: false };
  }
}
