/** Conversations that responses are added to. Types only. */
import type { Page, PageRequest } from './paging.js';
import type { AddedItems, ConversationItem, Owner } from './stored-responses.js';

export interface Conversation extends Owner {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** All of them throw `not_found` where a conversation, or an item of it, is not this owner's. */
export interface Conversations {
  /** Durable when it resolves, here and below. */
  createConversation(conversation: Conversation, items: readonly ConversationItem[]): Promise<void>;
  getConversation(owner: Owner, id: string): Promise<Conversation>;
  changeConversation(owner: Owner, id: string, metadata: Conversation['metadata']): Promise<Conversation>;
  /** With its items; responses that are kept by themselves stay. */
  deleteConversation(owner: Owner, id: string): Promise<void>;
  addItems(owner: Owner, added: AddedItems): Promise<void>;
  /** All of them, the oldest first. @throws AppError `invalid_value` where they are too many */
  itemsOf(owner: Owner, id: string): Promise<readonly ConversationItem[]>;
  listItems(owner: Owner, id: string, page: PageRequest): Promise<Page<ConversationItem>>;
  getItem(owner: Owner, id: string, itemId: string): Promise<ConversationItem>;
  deleteItem(owner: Owner, id: string, itemId: string): Promise<void>;
}
