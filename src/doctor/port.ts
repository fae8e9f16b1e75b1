import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../config/schema.js';
import { bad, type Finding, good, poor } from './finding.js';

interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly ready: boolean; readonly reason: string | null }>>;
}

/** Whether a gateway could listen, or how the one does that listens already. */
export async function checkPort({ server: { host, port } }: Config): Promise<Finding[]> {
  const what = 'port';
  const trial = createServer().listen(port, host);
  try {
    await once(trial, 'listening');
    trial.close();
    return [good(what, `${port} of ${host} is free`)];
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') {
      return [
        bad(what, (error as Error).message, 'Set HOST to an address of this machine, and PORT to one above 1023.'),
      ];
    }
  }
  const reachable = host.replace(/^0\.0\.0\.0$/, '127.0.0.1').replace(/^::$/, '::1');
  const url = `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/readyz`;
  try {
    const readiness = (await (await fetch(url, { signal: AbortSignal.timeout(5000) })).json()) as Readiness;
    const waits = Object.entries(readiness.checks).flatMap(([name, { reason }]) =>
      reason ? [`${name}: ${reason}`] : [],
    );
    const found = `a gateway listens on ${port} and is ${readiness.status}${waits.length > 0 ? ` (${waits.join('; ')})` : ''}`;
    return [
      readiness.status === 'ready'
        ? good(what, found)
        : poor(what, found, 'docs/operations.md says what each state means.'),
    ];
  } catch {
    return [
      bad(what, `something other than a gateway listens on ${port} of ${host}`, 'Stop it, or set PORT to another one.'),
    ];
  }
}
