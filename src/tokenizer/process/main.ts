/** A tokenizer process: forked by tokenizer/client.ts; speaks tokenizer/protocol.ts over its channel. */
import { AppError } from '../../errors/app-error.js';
import type { FromTokenizer, ToTokenizer, Work } from '../protocol.js';
import { loadPromptTokenizer, type PromptTokenizer } from './prompt-tokenizer.js';

let tokenizer: PromptTokenizer | null = null;

// The gateway decides when this process ends: a signal to the whole group must not cut off requests that drain.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToTokenizer) => {
  if (message.type === 'init') void start(message);
  else send(answer(message.work));
});

async function start({ modelDir, manifest, fences }: Extract<ToTokenizer, { type: 'init' }>): Promise<void> {
  try {
    tokenizer = await loadPromptTokenizer(modelDir, manifest, fences);
    send({ type: 'ready', bounds: tokenizer.bounds, rssBytes: process.memoryUsage.rss() });
  } catch (error) {
    send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

function answer(work: Work): FromTokenizer {
  try {
    const numbers = work.type === 'encode' ? tokenizer!.encode(work.prompt) : work.texts.map(tokenizer!.count);
    return { type: 'done', numbers: Int32Array.from(numbers), rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    const known = error instanceof AppError ? error : new AppError('internal');
    return { type: 'error', error: known.toMessage() };
  }
}

function send(message: FromTokenizer): void {
  // An error means that the gateway is gone: `disconnect` comes next.
  process.send?.(message, undefined, undefined, () => {});
}
