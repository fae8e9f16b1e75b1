/** Variables that others set under names which are also ours. */
import { isIP } from 'node:net';

/** What Kubernetes tells every pod about a Service: `<NAME>_SERVICE_HOST`, `<NAME>_PORT_8080_TCP_ADDR` and the like. */
const SERVICE_NAME = /_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
/** `<NAME>_PORT` looks like the number of a port, but is an address. */
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//;

/** Whether a variable comes from a Service of that name, `switchyard` or `switchyard-…`, and is no setting. */
export function isServiceVariable(name: string, value: string): boolean {
  return SERVICE_NAME.test(name) || (name.endsWith('_PORT') && SERVICE_ADDRESS.test(value));
}

/** `HOST` is also the platform that conda compiles for and the name that some shells give the machine: only an address counts. */
export function meansAddress(host: string): boolean {
  return host === 'localhost' || isIP(host) !== 0;
}
