import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import { ApiFailure } from './api.js';

/** What is shown of a job of the gateway, whatever it is about. */
interface Waited {
  readonly status: string;
  readonly error: { readonly message: string } | null;
}

export const waitOption = () =>
  new Option('--wait', 'show how far it is until it is over; it goes on where this is ended');

/** Looks at a job until it is over. @param onLook while it is not */
export async function untilOver<T extends Waited>(
  begun: T,
  everyMs: number,
  onLook: (job: T) => void,
  look: () => Promise<T>,
): Promise<T> {
  let job = begun;
  while (job.status === 'queued' || job.status === 'running') {
    onLook(job);
    await sleep(everyMs);
    job = await look();
  }
  return job;
}

/** @throws ApiFailure where it failed or was called off */
export function requireCompleted({ status, error }: Waited): void {
  if (status !== 'completed') throw new ApiFailure(null, `It is ${status}${error ? `: ${error.message}` : '.'}`);
}
