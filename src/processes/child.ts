/** The child's end of `supervised-process.ts`. */
import type { LifeMessage, Ping } from './supervised-process.js';

/**
 * Serves the messages of the process that forked this one, and answers its pings. This process ends with their channel,
 * and signals to the whole process group do not end it: the parent decides when it stops, and drains first.
 */
export function serveParent<In extends { readonly type: string }>(onMessage: (message: In) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: In | Ping) => {
    if (message.type === 'ping') sendToParent<LifeMessage>({ type: 'pong' });
    else onMessage(message as In);
  });
}

/** A message that cannot be delivered is dropped: the parent is gone, and `disconnect` comes next. */
export function sendToParent<Out>(message: Out): void {
  process.send?.(message, undefined, {}, () => {});
}
