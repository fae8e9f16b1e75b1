/** A tenant that floods, in a process of its own: what it takes to send megabytes keeps nobody waiting who measures. */
import { createClient, flooding } from './client.js';
import { WORST } from './worst-bodies.js';

export interface Flood {
  readonly url: string;
  readonly key: string;
  /** A member of `WORST`. */
  readonly body: string;
  readonly callers: number;
}

process.once('message', async ({ url, key, body, callers }: Flood) => {
  const client = await createClient(url, key);
  const send = WORST[body]!.make(client);
  let done = 0;
  const startedMs = performance.now();
  const stop = flooding(callers, async (signal) => {
    try {
      await send(signal);
    } finally {
      done++;
    }
  });
  process.once('message', async () => {
    await stop();
    process.send!({ perSecond: (1000 * done) / (performance.now() - startedMs) }, () => process.disconnect());
  });
});
