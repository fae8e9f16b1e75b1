import { parse } from 'node:path';
import { termsOf } from '../../words/terms.js';

/** One passage that holds a term. */
export interface Posting {
  readonly label: number;
  /** How often. */
  readonly count: number;
  /** All terms of the passage, repeated ones too. */
  readonly length: number;
}

/** Label, count and length, little-endian. */
export const POSTING_BYTES = 8;
const MAX_UINT16 = 65_535;

/** The terms of a file's passages, gathered passage by passage. */
export class FileTerms {
  /** By term: position of the passage and count, in turns. */
  readonly #byTerm = new Map<string, number[]>();
  readonly #lengths: number[] = [];

  /** The next passage. What its file and its headings are called is part of what it is about. */
  add(
    filename: string,
    { headingPath, text }: { readonly headingPath: readonly string[]; readonly text: string },
  ): void {
    const { dir, name } = parse(filename);
    const terms = termsOf([dir, name, ...headingPath, text].join('\n'));
    const position = this.#lengths.push(terms.length) - 1;
    const counts = new Map<string, number>();
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    for (const [term, count] of counts) {
      const places = this.#byTerm.get(term);
      if (places) places.push(position, count);
      else this.#byTerm.set(term, [position, count]);
    }
  }

  /** Of all passages together. */
  get length(): number {
    return this.#lengths.reduce((sum, length) => sum + length, 0);
  }

  /** @param labels of the passages, in the order in which they were added */
  *postings(labels: readonly number[]): Generator<{ term: string; passages: Buffer }> {
    for (const [term, places] of this.#byTerm) {
      const passages = Buffer.alloc((places.length / 2) * POSTING_BYTES);
      for (let at = 0; at < places.length; at += 2) {
        const position = places[at]!;
        const offset = (at / 2) * POSTING_BYTES;
        passages.writeUInt32LE(labels[position]!, offset);
        passages.writeUInt16LE(Math.min(MAX_UINT16, places[at + 1]!), offset + 4);
        passages.writeUInt16LE(Math.min(MAX_UINT16, this.#lengths[position]!), offset + 6);
      }
      yield { term, passages };
    }
  }
}

export function* readPostings(passages: Buffer): Generator<Posting> {
  for (let offset = 0; offset < passages.length; offset += POSTING_BYTES) {
    yield {
      label: passages.readUInt32LE(offset),
      count: passages.readUInt16LE(offset + 4),
      length: passages.readUInt16LE(offset + 6),
    };
  }
}
