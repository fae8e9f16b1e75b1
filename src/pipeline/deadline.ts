import { Aborter } from '../abort/aborter.js';
import { AppError } from '../errors/app-error.js';

/** The caller's signal with a deadline; `release` must be called, or the timer outlives the answer. */
export function withDeadline(caller: AbortSignal, limitMs: number): { signal: AbortSignal; release: () => void } {
  const controller = new Aborter();
  const follow = () => controller.abort(caller.reason);
  if (caller.aborted) follow();
  caller.addEventListener('abort', follow, { once: true });
  const timer = setTimeout(() => controller.abort(new AppError('deadline_exceeded', { limitMs })), limitMs);
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer);
      caller.removeEventListener('abort', follow);
    },
  };
}
