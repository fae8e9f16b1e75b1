import { randomUUID } from 'node:crypto';
import type { GeneratedToken } from '../../contracts/generator.js';
import type { AnswerFormat } from '../../contracts/tokenizer.js';
import type { AnswerEvent, ToolUse } from '../types.js';
import { CallParser, type Piece } from './call-parser.js';
import { Thoughts } from './thoughts.js';

/** Turns what the model writes into events: thoughts, text and calls. */
export class AnswerReader {
  readonly #thoughts: Thoughts;
  readonly #parser: CallParser | null;
  readonly #maxCalls: number;
  #logprobs: GeneratedToken[] = [];
  #begun = 0;
  #whole = 0;

  /** @param toolUse null: nothing is taken for a call */
  constructor({ calls, thoughts }: AnswerFormat, toolUse: ToolUse | null) {
    this.#thoughts = new Thoughts(thoughts);
    this.#maxCalls = toolUse?.parallel ? Number.POSITIVE_INFINITY : 1;
    const tools = toolUse?.tools ?? [];
    const names = new Set(tools.map(({ name }) => name));
    // The schema of a strict function binds what stands within the marks.
    const isStrict = tools.some(({ strict }) => strict);
    this.#parser = calls === null || toolUse === null ? null : new CallParser(calls, names, isStrict);
  }

  /** Calls that are whole. */
  get calls(): number {
    return this.#whole;
  }

  /** No further call may follow: what is written now is of no use. */
  get isOver(): boolean {
    return this.#whole >= this.#maxCalls;
  }

  push(text: string, logprobs: readonly GeneratedToken[]): AnswerEvent[] {
    this.#logprobs.push(...logprobs);
    return this.#toEvents(this.#thoughts.push(text), (answer) => this.#parser!.push(answer));
  }

  end(): AnswerEvent[] {
    return this.#toEvents(this.#thoughts.end(), (answer) => [...this.#parser!.push(answer), ...this.#parser!.end()]);
  }

  #toEvents({ thought, answer }: ReturnType<Thoughts['push']>, parse: (answer: string) => Piece[]): AnswerEvent[] {
    const events: AnswerEvent[] = thought === '' ? [] : [{ type: 'reasoning', text: thought }];
    const pieces = this.#parser === null ? [{ type: 'text', text: answer } as const] : parse(answer);
    for (const piece of pieces) events.push(...this.#toEvent(piece));
    return events;
  }

  #toEvent(piece: Piece): AnswerEvent[] {
    if (this.isOver) return [];
    const index = this.#begun - 1;
    switch (piece.type) {
      case 'text': {
        const logprobs = this.#logprobs;
        if (piece.text === '' && logprobs.length === 0) return [];
        this.#logprobs = [];
        return [{ type: 'delta', text: piece.text, logprobs }];
      }
      case 'call':
        this.#begun += 1;
        // Of the text alone: what a call is made of is no content.
        this.#logprobs = [];
        return [
          { type: 'tool_call', index: index + 1, id: `call_${randomUUID().replaceAll('-', '')}`, name: piece.name },
        ];
      case 'arguments':
        this.#logprobs = [];
        return [{ type: 'tool_arguments', index, text: piece.text }];
      case 'end':
        this.#whole += 1;
        return [];
    }
  }
}
