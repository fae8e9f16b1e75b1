import { setTimeout as sleep } from 'node:timers/promises';
import type { Terminal } from './terminal.js';

/** What a terminal takes for "clear, and begin at the top". */
const CLEAR = '\x1b[H\x1b[2J';

/** Shows what goes on until it is over: drawn anew where a person watches, elsewhere again only where it changed. */
export async function watch(
  terminal: Terminal,
  everySeconds: number,
  look: () => Promise<{ readonly text: string; readonly isOver: boolean }>,
): Promise<void> {
  for (let before: string | null = null; ; await sleep(everySeconds * 1000)) {
    const { text, isOver } = await look();
    if (terminal.interactive) terminal.out(CLEAR);
    if (terminal.interactive || text !== before) terminal.out(text);
    if (isOver) return;
    before = text;
  }
}
