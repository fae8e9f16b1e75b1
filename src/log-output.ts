import pino, { type DestinationStream } from 'pino';

/** How long a line may wait for others. */
const GROUP_MS = 50;
const MOST_CHARACTERS = 64 * 1024;
/** From here on a line goes out at once, and all before it. */
const { warn: TELLING } = pino.levels.values;

/**
 * Where log lines go: standard output, those of some milliseconds together. A system call for each line is a twentieth of what a short
 * answer costs the gateway's thread (decision 0086).
 * @param out takes what goes out, at once
 */
export function createLogOutput(out: DestinationStream = pino.destination(1)): DestinationStream & { flush(): void } {
  let waiting = '';
  let timer: NodeJS.Timeout | null = null;
  const flush = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (waiting === '') return;
    const lines = waiting;
    waiting = '';
    out.write(lines);
  };
  return {
    // Has pino say the level of each line, in `lastLevel`.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      waiting += line;
      if (this.lastLevel >= TELLING! || waiting.length >= MOST_CHARACTERS) flush();
      else timer ??= setTimeout(flush, GROUP_MS).unref();
    },
    flush,
  } as DestinationStream & { lastLevel: number; flush(): void };
}
