/** What is kept of responses, and for whom. */
import type { Clock } from '../../../../contracts/clock.js';
import type { ChatMessage } from '../../../../contracts/prompt.js';
import type { Principal, Registry } from '../../../../contracts/registry.js';
import type { Owner, ResponseStatus } from '../../../../contracts/stored-responses.js';
import { AppError } from '../../../../errors/app-error.js';
import { type Item, toMessages } from './items.js';
import type { Body } from './request.js';

/** Callers that speak for other groups see other passages: what was answered from them is not theirs. */
export function ownerOf({ tenant, groups }: Principal): Owner {
  return { tenant, audience: [...(groups ?? [])].sort().join(',') };
}

/** Whether the texts of a response are to be kept. @throws AppError `texts_not_kept` where they must, and may not be */
export async function isKept(registry: Registry, { tenant }: Owner, { store, background }: Body): Promise<boolean> {
  if (store === false) return false;
  const { storeResponses } = await registry.getDataPolicy(tenant);
  if (storeResponses) return true;
  if (store === undefined && !background) return false;
  throw new AppError('texts_not_kept', { tenant, param: background ? 'background' : 'store' });
}

/** What was said up to a response, with it. @throws AppError `not_found`, `invalid_value` where it is not over */
export async function historyOf(registry: Registry, owner: Owner, id: string): Promise<ChatMessage[]> {
  const turns = await registry.listTurns(owner, id);
  return turns.flatMap(({ status, input, body }) => {
    if (status === 'queued' || status === 'in_progress') {
      throw new AppError('invalid_value', {
        param: 'previous_response_id',
        reason: 'names a response that is not over',
      });
    }
    const { output } = body as { output: readonly Item[] };
    return [...toMessages(input as readonly Item[], 'input'), ...toMessages(output, 'output')];
  });
}

interface Kept {
  readonly owner: Owner;
  readonly body: Body;
  readonly input: readonly Item[];
  readonly resource: { readonly id: string; readonly status: string };
  readonly task: object | null;
}

export function keep(registry: Registry, clock: Clock, { owner, body, input, resource, task }: Kept): Promise<void> {
  return registry.saveResponse({
    ...owner,
    id: resource.id,
    previousId: body.previous_response_id ?? null,
    status: resource.status as ResponseStatus,
    input,
    body: resource,
    task,
    user: body.user ?? body.safety_identifier ?? null,
    createdAt: clock.now(),
  });
}
