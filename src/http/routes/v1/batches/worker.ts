/** Runs batches behind their requests, each line through its own route. What was answered is not asked again after a restart. */
import { randomUUID } from 'node:crypto';
import type { Batch } from '../../../../contracts/batches.js';
import type { Principal, Scope } from '../../../../contracts/registry.js';
import { AppError } from '../../../../errors/app-error.js';
import type { Lease } from '../../../../jobs/jobs.js';
import { JobRunner, type Working } from '../../../../jobs/runner.js';
import type { App, Services } from '../../../app.js';
import { type BatchLine, readLines } from './lines.js';
import { failedLine, runLine } from './run-line.js';

/** Batches of different tenants, and lines of one of them. */
const BATCHES_AT_ONCE = 4;
const LINES_AT_ONCE = 4;
const MAX_ATTEMPTS = 5;
/** Results that are read at once while a file is put together. */
const RESULTS = 500;

/** Whether a batch was called off. */
const LOOK_EVERY_MS = 500;

type Ending = 'completed' | 'expired' | 'cancelled';

export function createBatchWorker(
  app: App,
  { registry, retrieval, clock }: Pick<Services, 'registry' | 'retrieval' | 'clock'>,
): { wake(): void } {
  const failure = { code: 'internal', message: 'Something went wrong on our side.' } as const;

  async function work(lease: Lease, working: Working): Promise<void> {
    const { tenant, subject: id } = lease;
    const batch = await registry.getBatch(tenant, id);
    const fail = (errors: Batch['errors']) => registry.finishBatch(lease, { status: 'failed', errors });
    const principal = await callerOf(batch);
    if (principal === null) return fail([{ code: 'invalid_api_key', message: 'Its key was revoked.', line: null }]);
    let content: Uint8Array;
    try {
      content = await retrieval.getFileContent(tenant, batch.inputFileId, null);
    } catch (error) {
      if (!(error instanceof AppError) || error.spec.retryable) throw error;
      return fail([{ code: error.code, message: error.message, line: null }]);
    }
    const { lines, errors } = readLines(content, batch.endpoint);
    if (errors.length > 0) return fail(errors);
    await registry.changeBatch(tenant, id, {
      status: 'in_progress',
      counts: { total: lines.length, completed: 0, failed: 0 },
    });
    const ending = await runLines(batch, principal, lines, working);
    await finish(lease, ending);
  }

  /** Who brought the batch; null where its key was revoked since. */
  async function callerOf({ tenant, keyId, scopes }: Batch): Promise<Principal | null> {
    const key = (await registry.listKeys(tenant)).find(({ id }) => id === keyId);
    if (key === undefined || key.revokedAt !== null) return null;
    return { tenant, keyId, scopes: scopes as readonly Scope[], groups: null };
  }

  async function runLines(
    batch: Batch,
    principal: Principal,
    lines: readonly BatchLine[],
    { signal, progress }: Working,
  ): Promise<Ending> {
    const done = new Set<number>();
    for await (const { line } of resultsOf(batch.id)) done.add(line);
    const waiting = [...lines.keys()].filter((line) => !done.has(line)).values();
    let ending: Ending = 'completed';
    const add = async (line: number, result: { isError: boolean; json: string }) => {
      await registry.addBatchResult(batch.id, { line, ...result });
      done.add(line);
      progress(done.size / lines.length);
    };
    let lookedAtMs = Number.NEGATIVE_INFINITY;
    let isOff = false;
    /** Looked at now and then: a look counts the results so far. */
    const isCalledOff = async () => {
      if (!isOff && clock.monotonicMs() - lookedAtMs >= LOOK_EVERY_MS) {
        lookedAtMs = clock.monotonicMs();
        isOff = (await registry.getBatch(batch.tenant, batch.id)).status === 'cancelling';
      }
      return isOff;
    };
    const runner = async () => {
      for (const line of waiting) {
        signal.throwIfAborted();
        if (await isCalledOff()) {
          ending = 'cancelled';
          return;
        }
        if (clock.now() >= batch.expiresAt) {
          ending = 'expired';
          await add(line, failedLine(lines[line]!.customId, 'batch_expired', 'The time of the batch was over before.'));
          continue;
        }
        await add(line, await runLine(app, principal, batch.endpoint, lines[line]!, signal));
      }
    };
    await Promise.all(Array.from({ length: LINES_AT_ONCE }, runner));
    return ending;
  }

  async function finish(lease: Lease, ending: Ending): Promise<void> {
    const { tenant, subject: id } = lease;
    const batch = await registry.changeBatch(tenant, id, { ...(ending !== 'cancelled' && { status: 'finalizing' }) });
    const output: string[] = [];
    const failed: string[] = [];
    for await (const { isError, json } of resultsOf(id)) (isError ? failed : output).push(json);
    const outputFileId = batch.outputFileId ?? (await write(tenant, `${id}_output.jsonl`, output));
    await registry.changeBatch(tenant, id, { outputFileId });
    const errorFileId = batch.errorFileId ?? (await write(tenant, `${id}_error.jsonl`, failed));
    const counts = { total: batch.counts.total, completed: output.length, failed: failed.length };
    await registry.finishBatch(lease, { status: ending, outputFileId, errorFileId, counts });
  }

  async function* resultsOf(id: string) {
    for (let after = -1; ; ) {
      const some = await registry.listBatchResults(id, after, RESULTS);
      yield* some;
      if (some.length < RESULTS) return;
      after = some.at(-1)!.line;
    }
  }

  /** Null where there is nothing to write. */
  async function write(tenant: string, filename: string, lines: readonly string[]): Promise<string | null> {
    if (lines.length === 0) return null;
    const content = Buffer.from(`${lines.join('\n')}\n`);
    return (await retrieval.createFile(tenant, { filename, purpose: 'batch_output', content })).id;
  }

  let running: JobRunner | null = null;
  app.addHook('onListen', async () => {
    running = new JobRunner({
      jobs: registry.jobs,
      kind: 'batch',
      holder: randomUUID(),
      isAlone: registry.isAlone,
      atOnce: BATCHES_AT_ONCE,
      maxAttempts: MAX_ATTEMPTS,
      failure,
      clock,
      work,
      onFailed: ({ tenant, subject }) => {
        const errors = [{ ...failure, line: null }];
        void registry.changeBatch(tenant, subject, { status: 'failed', errors }).catch(() => {});
      },
      onError: (error, what) => app.log.error({ err: error }, what),
    });
    running.start();
  });
  app.addHook('preClose', async () => running?.stop());
  return { wake: () => running?.wake() };
}
