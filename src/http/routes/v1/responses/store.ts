/** What is kept of responses, and for whom. */
import type { Clock } from '../../../../contracts/clock.js';
import type { ChatMessage } from '../../../../contracts/prompt.js';
import type { Principal, Registry } from '../../../../contracts/registry.js';
import type { AddedItems, Owner, ResponseStatus } from '../../../../contracts/stored-responses.js';
import { AppError } from '../../../../errors/app-error.js';
import { type Item, responseOf, toItems, toMessages } from './items.js';
import { type Body, conversationOf } from './request.js';
import { turnMemory } from './turn-memory.js';

/** Callers that speak for other groups see other passages: what was answered from them is not theirs. */
export function ownerOf({ tenant, groups }: Principal): Owner {
  return { tenant, audience: [...(groups ?? [])].sort().join(',') };
}

/** Whether the texts of a response are to be kept. @throws AppError `texts_not_kept` where they must, and may not be */
export async function isKept(registry: Registry, { tenant }: Owner, body: Body): Promise<boolean> {
  const { store, background, conversation } = body;
  if (store === false && conversation === undefined) return false;
  const { storeResponses } = await registry.getDataPolicy(tenant);
  if (storeResponses) return store !== false;
  const param = conversation !== undefined ? 'conversation' : background ? 'background' : 'store';
  if (param === 'store' && store === undefined) return false;
  throw new AppError('texts_not_kept', { tenant, param });
}

/** Responses whose items one request may refer to: as many as it may go on from. */
const MOST_REFERRED = 200;

/**
 * The items of an input, with what it refers to in its place: what is kept of it stands on its own.
 * @throws AppError `not_found` for an item of no response that is kept for this caller
 */
export async function inputOf(registry: Registry, owner: Owner, input: Body['input']): Promise<Item[]> {
  const outputs = new Map<string, readonly Item[]>();
  const items: Item[] = [];
  for (const [index, item] of toItems(input).entries()) {
    if (item.type !== 'item_reference') {
      items.push(item);
      continue;
    }
    const response = responseOf(item.id);
    const output = response === null ? [] : (outputs.get(response) ?? (await outputOf(registry, owner, response)));
    if (response !== null) outputs.set(response, output);
    if (outputs.size > MOST_REFERRED) {
      const reason = `refers to items of more than ${MOST_REFERRED} responses; send the others whole`;
      throw new AppError('invalid_value', { param: `input[${index}]`, reason });
    }
    const found = output.find(({ id }) => id === item.id);
    if (found === undefined) throw new AppError('not_found', { what: 'Item', id: item.id, param: `input[${index}]` });
    items.push(found);
  }
  return items;
}

async function outputOf(registry: Registry, owner: Owner, response: string): Promise<readonly Item[]> {
  try {
    return ((await registry.getResponse(owner, response)).body as { output: readonly Item[] }).output;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return [];
    throw error;
  }
}

export function messagesOf(registry: Registry, owner: Owner, items: readonly object[], at: string): ChatMessage[] {
  return toMessages(items as readonly Item[], at, (sealed) => registry.openText(owner, sealed));
}

/**
 * What was said before the input of a response.
 * @throws AppError `previous_response_not_found`, `not_found`, `invalid_value` where what it goes on from is not over
 */
export async function saidBefore(
  registry: Registry,
  owner: Owner,
  body: Pick<Body, 'previous_response_id' | 'conversation'>,
): Promise<readonly ChatMessage[]> {
  const { previous_response_id: id } = body;
  const conversation = conversationOf(body);
  if (conversation !== null) {
    const items = await registry.itemsOf(owner, conversation.id);
    return messagesOf(registry, owner, withoutOrphans(items as readonly Item[]), 'conversation.items');
  }
  if (id === undefined || id === null) return [];
  return turnMemory()?.recall(owner, id) ?? (await historyOf(registry, owner, id));
}

/** Without results whose call was deleted, or is too old to be kept. */
function withoutOrphans(items: readonly Item[]): Item[] {
  const called = new Set<unknown>();
  return items.filter(({ type, call_id: call }) => {
    if (type === 'function_call') called.add(call);
    return type !== 'function_call_output' || called.has(call);
  });
}

async function historyOf(registry: Registry, owner: Owner, id: string): Promise<ChatMessage[]> {
  const turns = await registry.listTurns(owner, id).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
    throw new AppError('previous_response_not_found', { param: 'previous_response_id', id });
  });
  return turns.flatMap(({ status, input, body }) => {
    if (status === 'queued' || status === 'in_progress') {
      throw new AppError('invalid_value', {
        param: 'previous_response_id',
        reason: 'names a response that is not over',
      });
    }
    const { output } = body as { output: readonly Item[] };
    return [...messagesOf(registry, owner, input, 'input'), ...messagesOf(registry, owner, output, 'output')];
  });
}

interface Kept {
  readonly owner: Owner;
  readonly body: Body;
  /** Whether it is kept by itself. */
  readonly isStored: boolean;
  readonly input: readonly Item[];
  readonly resource: { readonly id: string; readonly status: string; readonly output: readonly Item[] };
  readonly task: object | null;
}

export async function keep(registry: Registry, clock: Clock, kept: Kept): Promise<void> {
  const { owner, body, isStored, input, resource, task } = kept;
  const added = task === null ? addedBy(body, input, resource.output) : null;
  if (!isStored) {
    if (added !== null) await registry.addItems(owner, added);
    return;
  }
  await registry.saveResponse({
    ...owner,
    id: resource.id,
    previousId: body.previous_response_id ?? null,
    status: resource.status as ResponseStatus,
    input,
    body: resource,
    task,
    user: userOf(body),
    added,
    createdAt: clock.now(),
  });
}

/** What a response adds to the conversation that it is a part of; null: it is of none. */
export function addedBy(body: Body, input: readonly Item[], output: readonly Item[]): AddedItems | null {
  const conversation = conversationOf(body);
  if (conversation === null) return null;
  return { conversation: conversation.id, items: [...input, ...output], user: userOf(body) };
}

function userOf({ user, safety_identifier: identifier }: Body): string | null {
  return user ?? identifier ?? null;
}
