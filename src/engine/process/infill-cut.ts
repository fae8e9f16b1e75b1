import type { Hole } from '../hole.js';
import { findBorder } from './infill-border.js';

/** Lets the text of an answer through up to the border of its hole. */
export class InfillCut {
  readonly #hole: Hole;
  #text = '';
  #shown = 0;

  constructor(hole: Hole) {
    this.#hole = hole;
  }

  /** What may be shown now, and whether the border is reached. @param over nothing comes behind this piece */
  push(piece: string, over: boolean): { readonly text: string; readonly ended: boolean } {
    this.#text += piece;
    const { end, shown } = findBorder(this.#hole, this.#text, over);
    const upTo = end ?? shown;
    const text = this.#text.slice(this.#shown, upTo);
    this.#shown = upTo;
    return { text, ended: end !== null };
  }
}
