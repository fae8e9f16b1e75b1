/**
 * Runs `look` now and again until `signal` is aborted, and not while nobody sees the page. `failed` hears of what it throws,
 * with null once it goes on.
 */
export function poll(
  signal: AbortSignal,
  everyMs: number,
  look: () => Promise<void>,
  failed: (error: unknown | null) => void,
): void {
  const step = async () => {
    if (signal.aborted) return;
    if (!document.hidden) {
      try {
        await look();
        if (!signal.aborted) failed(null);
      } catch (error) {
        if (!signal.aborted) failed(error);
      }
    }
    setTimeout(step, everyMs);
  };
  void step();
}
