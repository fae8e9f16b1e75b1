import type { AnswerFormat } from '../../contracts/tokenizer.js';
import { partialMatch } from '../../patterns/partial-match.js';

const OPEN = '<think>';
const CLOSE = '</think>';
export const THOUGHT_TAGS = [OPEN, CLOSE];

/** Tells what a reasoning model thinks from what it answers, as it comes. Blanks around thoughts belong to neither. */
export class Thoughts {
  #where: 'before' | 'within' | 'behind' | 'answer';
  #held = '';
  #hasThought = false;

  constructor(thoughts: AnswerFormat['thoughts']) {
    this.#where = thoughts === 'begun' ? 'within' : thoughts === 'tagged' ? 'before' : 'answer';
  }

  push(text: string): { readonly thought: string; readonly answer: string } {
    this.#held += text;
    if (this.#where === 'before') this.#begin();
    const thought = this.#where === 'within' ? this.#think() : '';
    if (this.#where === 'behind') this.#held = this.#held.trimStart();
    const isAnswer = this.#where === 'answer' || (this.#where === 'behind' && this.#held !== '');
    return { thought, answer: isAnswer ? this.#end() : '' };
  }

  /** What is held when the answer ends. */
  end(): { readonly thought: string; readonly answer: string } {
    const isThought = this.#where === 'within';
    const rest = this.#end();
    return isThought ? { thought: rest, answer: '' } : { thought: '', answer: rest };
  }

  #begin(): void {
    const begun = this.#held.trimStart();
    if (begun.startsWith(OPEN)) {
      this.#held = begun.slice(OPEN.length);
      this.#where = 'within';
    } else if (!OPEN.startsWith(begun)) this.#where = 'answer';
  }

  #think(): string {
    if (!this.#hasThought) this.#held = this.#held.trimStart();
    const at = this.#held.indexOf(CLOSE);
    const known = this.#held.slice(0, at < 0 ? this.#held.length - partialMatch(this.#held, CLOSE) : at);
    const thought = known.trimEnd();
    this.#hasThought ||= thought !== '';
    this.#held = at < 0 ? this.#held.slice(thought.length) : this.#held.slice(at + CLOSE.length);
    if (at >= 0) this.#where = 'behind';
    return thought;
  }

  #end(): string {
    const rest = this.#held;
    this.#held = '';
    this.#where = 'answer';
    return rest;
  }
}
