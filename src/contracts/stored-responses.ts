/** Responses whose texts are kept, so that a later one can go on from them. Types only. */

/** Who may see what is kept: callers of one tenant that speak for the same groups. */
export interface Owner {
  readonly tenant: string;
  /** One name for each set of groups. */
  readonly audience: string;
}

/** As clients have it. */
export interface ConversationItem {
  readonly id: string;
  readonly type: string;
  readonly [member: string]: unknown;
}

/** Items behind those that a conversation has. */
export interface AddedItems {
  readonly conversation: string;
  readonly items: readonly ConversationItem[];
  /** The client's name of its user; it is kept as a keyed hash, so that the texts can be forgotten. */
  readonly user: string | null;
}

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';

export interface StoredResponse extends Owner {
  readonly id: string;
  readonly previousId: string | null;
  readonly status: ResponseStatus;
  /** Items of the request alone: what came before is with the responses before it. */
  readonly input: readonly object[];
  /** As clients have it. */
  readonly body: object;
  /** What an answer behind its request is made from; null where it was given at once. */
  readonly task: object | null;
  /** The client's name of its user; it is kept as a keyed hash, so that the text can be forgotten. */
  readonly user: string | null;
  /** To the conversation that it is a part of, in the same transaction; null: to none, or not yet. */
  readonly added: AddedItems | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** One turn of a conversation, as it is read again. */
export type StoredTurn = Omit<StoredResponse, 'user' | 'added'>;
