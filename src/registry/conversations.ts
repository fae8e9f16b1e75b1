import type { Clock } from '../contracts/clock.js';
import type { Conversation, Conversations } from '../contracts/conversations.js';
import { MAX_ITEMS } from '../contracts/registry-limits.js';
import type { AddedItems, ConversationItem, Owner } from '../contracts/stored-responses.js';
import { AppError } from '../errors/app-error.js';
import type { Database } from './tables/tables.js';
import type { ConversationRow } from './tables/texts.js';
import type { HashUser } from './user-hash.js';

/** Conversations with their texts. */
export function createConversations({
  db,
  clock,
  hashUser,
}: {
  db: Database;
  clock: Clock;
  hashUser: HashUser;
}): Conversations {
  const require = async (owner: Owner, id: string, trx = db): Promise<Conversation> => {
    const row = await find(trx, owner, id);
    if (row === undefined) throw new AppError('not_found', { what: 'Conversation', id });
    return { ...row, metadata: JSON.parse(row.metadata) };
  };
  const itemRows = (id: string, trx = db) => trx.selectFrom('conversationItems').where('conversation', '=', id);
  const positionOf = async (owner: Owner, id: string, itemId: string): Promise<number> => {
    await require(owner, id);
    const row = await itemRows(id).select('position').where('id', '=', itemId).executeTakeFirst();
    if (row === undefined) throw new AppError('not_found', { what: 'Item', id: itemId });
    return row.position;
  };

  return {
    async createConversation({ metadata, ...conversation }, items) {
      await db.transaction().execute(async (trx) => {
        const row = { ...conversation, metadata: JSON.stringify(metadata) };
        await trx.insertInto('conversations').values(row).execute();
        await append(trx, conversation, { conversation: conversation.id, items, user: null }, clock, hashUser);
      });
    },

    getConversation: require,

    changeConversation: (owner, id, metadata) =>
      db.transaction().execute(async (trx) => {
        const before = await require(owner, id, trx);
        const change = { metadata: JSON.stringify(metadata) };
        await trx.updateTable('conversations').set(change).where('id', '=', id).execute();
        return { ...before, metadata };
      }),

    async deleteConversation(owner, id) {
      await db.transaction().execute(async (trx) => {
        await require(owner, id, trx);
        await trx.deleteFrom('conversations').where('id', '=', id).execute();
      });
    },

    async addItems(owner, added) {
      await db.transaction().execute(async (trx) => {
        await require(owner, added.conversation, trx);
        await append(trx, owner, added, clock, hashUser);
      });
    },

    async itemsOf(owner, id) {
      await require(owner, id);
      const rows = await itemRows(id)
        .select('item')
        .orderBy('position')
        .limit(MAX_ITEMS + 1)
        .execute();
      if (rows.length > MAX_ITEMS) {
        const reason = `holds more than ${MAX_ITEMS} items. Begin a new one, or delete some`;
        throw new AppError('invalid_value', { param: 'conversation', reason });
      }
      return rows.map(read);
    },

    async listItems(owner, id, { limit, after, order }) {
      const start = after === null ? null : await positionOf(owner, id, after);
      if (start === null) await require(owner, id);
      let rows = itemRows(id)
        .select('item')
        .orderBy('position', order)
        .limit(limit + 1);
      if (start !== null) rows = rows.where('position', order === 'asc' ? '>' : '<', start);
      const items = (await rows.execute()).map(read);
      return { items: items.slice(0, limit), hasMore: items.length > limit };
    },

    async getItem(owner, id, itemId) {
      const position = await positionOf(owner, id, itemId);
      return read(await itemRows(id).select('item').where('position', '=', position).executeTakeFirstOrThrow());
    },

    async deleteItem(owner, id, itemId) {
      const position = await positionOf(owner, id, itemId);
      const own = db.deleteFrom('conversationItems').where('conversation', '=', id);
      await own.where('position', '=', position).execute();
    },
  };
}

/** Adds items to a conversation; to one that is gone by now nothing is added. */
export async function append(
  trx: Database,
  owner: Owner,
  { conversation, items, user }: AddedItems,
  clock: Clock,
  hashUser: HashUser,
): Promise<void> {
  if (items.length === 0 || (await find(trx, owner, conversation)) === undefined) return;
  const last = await trx
    .selectFrom('conversationItems')
    .select('position')
    .where('conversation', '=', conversation)
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  const [first, createdAt] = [(last?.position ?? 0) + 1, clock.now()];
  const userHash = user === null ? null : hashUser(owner.tenant, user);
  const rows = items.map((item, i) => ({
    conversation,
    position: first + i,
    id: item.id,
    item: JSON.stringify(item),
    userHash,
    createdAt,
  }));
  await trx.insertInto('conversationItems').values(rows).execute();
}

/** Deletes the items of a tenant that are older, and conversations of which nothing is left. */
export async function expireConversations(db: Database, tenant: string, oldest: number): Promise<void> {
  const own = db.selectFrom('conversations').select('id').where('tenant', '=', tenant);
  const items = db.deleteFrom('conversationItems').where('createdAt', '<', oldest);
  await items.where('conversation', 'in', own).execute();
  const inUse = db.selectFrom('conversationItems').select('conversation');
  const old = db.deleteFrom('conversations').where('tenant', '=', tenant).where('createdAt', '<', oldest);
  await old.where('id', 'not in', inUse).execute();
}

function find(trx: Database, { tenant, audience }: Owner, id: string): Promise<ConversationRow | undefined> {
  const rows = trx.selectFrom('conversations').selectAll().where('id', '=', id).where('tenant', '=', tenant);
  return rows.where('audience', '=', audience).executeTakeFirst();
}

function read({ item }: { readonly item: string }): ConversationItem {
  return JSON.parse(item);
}
