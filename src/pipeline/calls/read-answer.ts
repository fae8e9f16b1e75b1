import { randomUUID } from 'node:crypto';
import type { GeneratedToken } from '../../contracts/generator.js';
import type { ToolCall } from '../../contracts/prompt.js';
import type { AnswerFormat } from '../../contracts/tokenizer.js';
import type { AnswerEvent, OfferedTools } from '../types.js';
import { CallParser, type Piece } from './call-parser.js';
import { checkOf } from './check-arguments.js';
import { Thoughts } from './thoughts.js';

/** Turns what the model writes into events: thoughts, text and calls. */
export class AnswerReader {
  readonly #thoughts: Thoughts;
  readonly #parser: CallParser | null;
  readonly #maxCalls: number;
  readonly #ownNames: ReadonlySet<string>;
  /** Calls that the gateway makes: no events are made of them. */
  readonly own: (ToolCall & { arguments: string })[] = [];
  #isOwn = false;
  #logprobs: GeneratedToken[] = [];
  #begun = 0;
  #whole = 0;

  /** @param toolUse null: nothing is taken for a call */
  constructor({ calls, thoughts }: AnswerFormat, toolUse: OfferedTools | null) {
    this.#thoughts = new Thoughts(thoughts);
    this.#maxCalls = toolUse?.parallel ? Number.POSITIVE_INFINITY : 1;
    this.#ownNames = new Set(toolUse?.own.keys());
    const functions = new Map((toolUse?.tools ?? []).map((tool) => [tool.name, checkOf(tool)]));
    this.#parser = calls === null || functions.size === 0 ? null : new CallParser(calls, functions);
  }

  /** Calls of the caller's functions that are whole. */
  get calls(): number {
    return this.#whole;
  }

  /** No further call may follow: what is written now is of no use. */
  get isOver(): boolean {
    return this.#whole + this.own.length - Number(this.#isOwn) >= this.#maxCalls;
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
      case 'call': {
        // Of the text alone: what a call is made of is no content.
        this.#logprobs = [];
        const call = { id: `call_${randomUUID().replaceAll('-', '')}`, name: piece.name };
        this.#isOwn = this.#ownNames.has(piece.name);
        if (this.#isOwn) this.own.push({ ...call, arguments: '' });
        else this.#begun += 1;
        return this.#isOwn ? [] : [{ type: 'tool_call', index: index + 1, ...call }];
      }
      case 'arguments':
        this.#logprobs = [];
        if (this.#isOwn) this.own.at(-1)!.arguments += piece.text;
        return this.#isOwn ? [] : [{ type: 'tool_arguments', index, text: piece.text }];
      case 'end':
        if (!this.#isOwn) this.#whole += 1;
        this.#isOwn = false;
        return [];
    }
  }
}
