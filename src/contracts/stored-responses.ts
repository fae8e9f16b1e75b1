/** Responses whose texts are kept, so that a later one can go on from them. Types only. */
import type { JobFailure, Lease } from '../jobs/jobs.js';

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

interface StoredResponse extends Owner {
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

/** Responses that are kept. */
export interface Responses {
  /** Durable when it resolves. One that is `queued` is answered behind its request: a job of the kind `response` is about it. */
  saveResponse(response: StoredResponse): Promise<void>;
  /** @throws AppError `not_found` where it is not this owner's, here and below */
  getResponse(owner: Owner, id: string): Promise<StoredTurn>;
  /**
   * The response with all that it goes on from, the oldest first.
   * @throws AppError `invalid_value` where they are too many
   */
  listTurns(owner: Owner, id: string): Promise<readonly StoredTurn[]>;
  deleteResponse(owner: Owner, id: string): Promise<void>;
  /** Calls off one that is not over; whoever works on it finds out. */
  cancelResponse(owner: Owner, id: string): Promise<StoredTurn>;
  /** For who holds the job about it. */
  startResponse(lease: Lease): Promise<StoredTurn>;
  /** Ends the job too; nothing is kept where it is no longer held. */
  finishResponse(lease: Lease, end: Pick<StoredResponse, 'status' | 'body' | 'added'>): Promise<void>;
  failResponse(tenant: string, id: string, error: JobFailure): Promise<void>;
  /** Makes a text unreadable but for this owner, so that a client can keep it. */
  sealText(owner: Owner, text: string): string;
  /** null where it was not sealed here, or for others. */
  openText(owner: Owner, sealed: string): string | null;
  /** Deletes responses that are older, of every tenant. Returns how many. */
  expireResponses(retentionDays: number): Promise<number>;
}
