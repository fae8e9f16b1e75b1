/** What an aborted source gets to say its last, in milliseconds. */
const GRACE_MS = 1000;

/**
 * The same events, which end soon after an abort even where their source does not: a client is never held by an
 * engine that is stuck. @throws the signal's reason then
 */
export async function* endOnAbort<T>(
  events: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = events[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  let isStuck = false;
  /** Of who waits for what comes next. */
  let giveUp = () => {};
  const wait = () => {
    timer = setTimeout(() => {
      isStuck = true;
      giveUp();
    }, GRACE_MS);
  };
  if (signal.aborted) wait();
  signal.addEventListener('abort', wait, { once: true });
  try {
    for (;;) {
      if (isStuck) throw signal.reason;
      // A race with one promise for all steps would keep something of each until the end.
      const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
        giveUp = () => reject(signal.reason);
        iterator.next().then(resolve, reject);
      });
      if (step.done) return;
      yield step.value;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', wait);
    // Not awaited: a source that is stuck would not answer this either.
    iterator.return?.().catch(() => {});
  }
}
