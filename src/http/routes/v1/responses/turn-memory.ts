import { Ambient } from '../../../../ambient/ambient.js';
import type { ChatMessage } from '../../../../contracts/prompt.js';
import type { Owner } from '../../../../contracts/stored-responses.js';

interface Turn {
  readonly id: string;
  readonly owner: Owner;
  /** All that was said up to it, with it. */
  readonly messages: readonly ChatMessage[];
}

/** What one connection remembers: its last response, so that a client goes on from it even where nothing is kept. */
export class TurnMemory {
  #last: Turn | null = null;

  /** null: it is another one, or its caller speaks for others by now. */
  recall({ tenant, audience }: Owner, id: string): readonly ChatMessage[] | null {
    const last = this.#last;
    const isTheirs = last?.id === id && last.owner.tenant === tenant && last.owner.audience === audience;
    return isTheirs ? last.messages : null;
  }

  remember(turn: Turn): void {
    this.#last = turn;
  }

  forget(id: unknown): void {
    if (this.#last?.id === id) this.#last = null;
  }
}

const memories = new Ambient<TurnMemory>();

/** Requests that `send` makes of this server's own routes are those of a connection with this memory. */
export function rememberingIn<T>(memory: TurnMemory, send: () => Promise<T>): Promise<T> {
  return memories.run(memory, send);
}

/** Of the connection that asks; undefined for a request by itself. */
export function turnMemory(): TurnMemory | undefined {
  return memories.get();
}
