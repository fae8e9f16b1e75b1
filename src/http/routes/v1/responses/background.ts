/** Answers responses behind their requests: those that were acknowledged are answered after any restart. */
import { randomUUID } from 'node:crypto';
import type { StoredTurn } from '../../../../contracts/stored-responses.js';
import { AppError } from '../../../../errors/app-error.js';
import type { Lease } from '../../../../jobs/jobs.js';
import { JobRunner } from '../../../../jobs/runner.js';
import type { App, Services } from '../../../app.js';
import type { Item } from './items.js';
import { type Body, type Caller, toChatRequest } from './request.js';
import { createBuilder, toFailed } from './resource.js';
import { addedBy, messagesOf, saidBefore } from './store.js';

/** What an answer is made from, as it is kept. */
export interface Task {
  readonly body: Body;
  readonly caller: Caller;
}

/** Of different tenants; they have what interactive requests leave. */
const AT_ONCE = 4;
const MAX_ATTEMPTS = 3;

export function createBackground(
  app: App,
  { registry, pipeline, clock }: Pick<Services, 'registry' | 'pipeline' | 'clock'>,
): { wake(): void } {
  const failure = { code: 'internal', message: 'Something went wrong on our side.' } as const;
  const runner = () =>
    new JobRunner({
      jobs: registry.jobs,
      kind: 'response',
      holder: randomUUID(),
      isAlone: registry.isAlone,
      atOnce: AT_ONCE,
      maxAttempts: MAX_ATTEMPTS,
      failure,
      clock,
      work: async (lease, { signal }) => {
        const turn = await registry.startResponse(lease);
        await registry.finishResponse(lease, await answer(lease, turn, signal));
      },
      onFailed: ({ tenant, subject }) => void registry.failResponse(tenant, subject, failure).catch(() => {}),
      onError: (error, what) => app.log.error({ err: error }, what),
    });

  /** @throws what passes, so that it is tried again */
  async function answer(lease: Lease, turn: StoredTurn, signal: AbortSignal) {
    const { body, caller } = turn.task as Task;
    const builder = createBuilder({ id: turn.id, body, store: true, createdAtMs: turn.createdAt }, clock.now);
    try {
      const before = await saidBefore(registry, turn, body);
      const messages = [...before, ...messagesOf(registry, turn, turn.input, 'input')];
      for await (const event of pipeline.chat(toChatRequest(caller, body, turn.id, messages), signal)) {
        builder.encode(event);
      }
      signal.throwIfAborted();
      const resource = builder.resource();
      const added = addedBy(body, turn.input as readonly Item[], resource.output);
      return { status: resource.status as StoredTurn['status'], body: resource, added };
    } catch (error) {
      const isPassing = !(error instanceof AppError) || (error.spec.retryable && lease.attempt < MAX_ATTEMPTS);
      if (signal.aborted || isPassing) throw error;
      return { status: 'failed' as const, body: toFailed(turn.body, error), added: null };
    }
  }

  let running: JobRunner | null = null;
  app.addHook('onListen', async () => {
    running = runner();
    running.start();
  });
  app.addHook('onClose', async () => running?.stop());
  return { wake: () => running?.wake() };
}
