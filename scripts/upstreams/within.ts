/** @throws Error that says what has not come by then; the signal ends what was waited for */
export async function within<T>(limitMs: number, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(limitMs);
  try {
    return await work(signal);
  } catch (error) {
    if (signal.aborted) throw new Error(`waited ${limitMs / 1000} s for ${what}`, { cause: error });
    throw error;
  }
}
