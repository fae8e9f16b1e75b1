import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { createServer } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Config } from '../config/schema.js';
import { bad, type Finding, good, poor } from './finding.js';

interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly ready: boolean; readonly reason: string | null }>>;
}

const ANSWERS_WITHIN_MS = 5000;

/** Whether a gateway could listen, or how the one does that listens already; where operators come in, too. */
export async function checkPorts({ server, admin, tls }: Config): Promise<Finding[]> {
  const findings = await checkPort('port', server, tls);
  return admin.port === 0 ? findings : [...findings, ...(await checkPort('admin port', admin, tls))];
}

async function checkPort(what: string, { host, port }: Config['admin'], tls: Config['tls']): Promise<Finding[]> {
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
  try {
    const readiness = await readinessAt(host.replace(/^0\.0\.0\.0$/, '127.0.0.1').replace(/^::$/, '::1'), port, tls);
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
    if (tls.clientCaFile !== '') {
      const found = `what listens on ${port} does not let this one in, which has no certificate of tls.clientCaFile`;
      return [poor(what, found, 'Ask its /readyz with such a certificate whether it is ready.')];
    }
    return [
      bad(what, `something other than a gateway listens on ${port} of ${host}`, 'Stop it, or set PORT to another one.'),
    ];
  }
}

/** Whose certificate it is does not matter here: it is on this machine. Its own one is shown where it asks for one. */
async function readinessAt(host: string, port: number, { certFile, keyFile }: Config['tls']): Promise<Readiness> {
  const address = { host, port, path: '/readyz', signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) };
  const request =
    certFile === ''
      ? getHttp(address)
      : getHttps({ ...address, rejectUnauthorized: false, cert: readFileSync(certFile), key: readFileSync(keyFile) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (await json(response)) as Readiness;
}
