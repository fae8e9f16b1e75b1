/** `/v1/conversations`: items that responses begin with and are added to. */
import { randomBytes } from 'node:crypto';
import { Type } from 'typebox';
import type { Conversation } from '../../../../contracts/conversations.js';
import type { Owner } from '../../../../contracts/stored-responses.js';
import { AppError } from '../../../../errors/app-error.js';
import { errorResponses } from '../../../../errors/responses.js';
import type { App, Services } from '../../../app.js';
import { deleted, PageQuery, toList, toPageRequest } from '../pagination.js';
import { type Item, toItems } from './items.js';
import { InputItem, InputItems, ItemSchema, Metadata } from './schema.js';
import { messagesOf, ownerOf } from './store.js';

/** OpenAI's limit. */
const MAX_ADDED = 20;
const Added = Type.Array(InputItem, { maxItems: MAX_ADDED });

const ConversationResource = Type.Object({
  id: Type.String(),
  object: Type.Literal('conversation'),
  created_at: Type.Integer(),
  metadata: Type.Record(Type.String(), Type.String()),
});

const ConversationId = Type.Object({ conversation_id: Type.String() });
const ItemId = Type.Object({ conversation_id: Type.String(), item_id: Type.String() });
const tags = ['responses'];
const config = { scope: 'inference' } as const;
const closed = { additionalProperties: false } as const;
const resource = { 200: ConversationResource, ...errorResponses };

export function addConversations(app: App, { registry, clock }: Pick<Services, 'registry' | 'clock'>): void {
  /** As they are kept. @throws AppError for items that no model could read, and where the tenant keeps no texts */
  async function toAdd(owner: Owner, given: Parameters<typeof toItems>[0]): Promise<Item[]> {
    const { storeResponses } = await registry.getDataPolicy(owner.tenant);
    if (!storeResponses) throw new AppError('texts_not_kept', { tenant: owner.tenant, param: 'conversation' });
    const items = toItems(given);
    messagesOf(registry, owner, items, 'items');
    return items;
  }

  app.post(
    '/v1/conversations',
    {
      config,
      schema: {
        summary: 'Begin a conversation',
        operationId: 'createConversation',
        tags,
        body: Type.Object({ items: Type.Optional(Added), metadata: Type.Optional(Metadata) }, closed),
        response: resource,
      },
    },
    async ({ principal, body: { items = [], metadata = {} } }) => {
      const owner = ownerOf(principal);
      const id = `conv_${randomBytes(16).toString('hex')}`;
      const conversation: Conversation = { ...owner, id, metadata, createdAt: clock.now() };
      await registry.createConversation(conversation, await toAdd(owner, items));
      return toWire(conversation);
    },
  );

  app.get(
    '/v1/conversations/:conversation_id',
    {
      config,
      schema: {
        summary: 'A conversation, without its items',
        operationId: 'getConversation',
        tags,
        params: ConversationId,
        response: resource,
      },
    },
    async ({ principal, params }) => toWire(await registry.getConversation(ownerOf(principal), params.conversation_id)),
  );

  app.post(
    '/v1/conversations/:conversation_id',
    {
      config,
      schema: {
        summary: "Change a conversation's metadata",
        operationId: 'changeConversation',
        tags,
        params: ConversationId,
        body: Type.Object({ metadata: Metadata }, closed),
        response: resource,
      },
    },
    async ({ principal, params, body: { metadata } }) =>
      toWire(await registry.changeConversation(ownerOf(principal), params.conversation_id, metadata)),
  );

  app.delete(
    '/v1/conversations/:conversation_id',
    {
      config,
      schema: {
        summary: 'Delete a conversation with its items',
        operationId: 'deleteConversation',
        tags,
        params: ConversationId,
        response: { 200: deleted('conversation.deleted'), ...errorResponses },
      },
    },
    async ({ principal, params: { conversation_id: id } }) => {
      await registry.deleteConversation(ownerOf(principal), id);
      return { id, object: 'conversation.deleted', deleted: true };
    },
  );

  app.post(
    '/v1/conversations/:conversation_id/items',
    {
      config,
      schema: {
        summary: 'Add items to a conversation',
        operationId: 'createConversationItems',
        tags,
        params: ConversationId,
        body: Type.Object({ items: Type.Array(InputItem, { minItems: 1, maxItems: MAX_ADDED }) }, closed),
        response: { 200: InputItems, ...errorResponses },
      },
    },
    async ({ principal, params: { conversation_id: conversation }, body }) => {
      const owner = ownerOf(principal);
      const items = await toAdd(owner, body.items);
      await registry.addItems(owner, { conversation, items, user: null });
      return toList({ items, hasMore: false }, (item) => item);
    },
  );

  app.get(
    '/v1/conversations/:conversation_id/items',
    {
      config,
      schema: {
        summary: 'The items of a conversation',
        operationId: 'listConversationItems',
        tags,
        params: ConversationId,
        querystring: PageQuery,
        response: { 200: InputItems, ...errorResponses },
      },
    },
    async ({ principal, params, query }) => {
      const page = toPageRequest(query);
      return toList(await registry.listItems(ownerOf(principal), params.conversation_id, page), (item) => item);
    },
  );

  app.get(
    '/v1/conversations/:conversation_id/items/:item_id',
    {
      config,
      schema: {
        summary: 'An item of a conversation',
        operationId: 'getConversationItem',
        tags,
        params: ItemId,
        response: { 200: ItemSchema, ...errorResponses },
      },
    },
    async ({ principal, params }) => registry.getItem(ownerOf(principal), params.conversation_id, params.item_id),
  );

  app.delete(
    '/v1/conversations/:conversation_id/items/:item_id',
    {
      config,
      schema: {
        summary: 'Delete an item of a conversation',
        operationId: 'deleteConversationItem',
        tags,
        params: ItemId,
        response: resource,
      },
    },
    async ({ principal, params: { conversation_id: id, item_id: itemId } }) => {
      const owner = ownerOf(principal);
      await registry.deleteItem(owner, id, itemId);
      return toWire(await registry.getConversation(owner, id));
    },
  );
}

function toWire({ id, createdAt, metadata }: Conversation) {
  return { id, object: 'conversation' as const, created_at: Math.floor(createdAt / 1000), metadata: { ...metadata } };
}
