import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

export type Accept = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Of one hop alone: what is offered on this connection. */
const OFFERS = new Set(['upgrade', 'http2-settings']);

/**
 * Gives WebSockets of one path to `accept`. A server with a listener for upgrades hands it every request that offers another protocol,
 * such as `Upgrade: h2c`, which Java's client sends by default: all others are put back on their connection without the offer, and read
 * anew.
 */
export function acceptWebSockets(server: Server, path: string, accept: Accept): void {
  server.on('upgrade', (request, socket, head) => {
    const { method, url = '', headers } = request;
    const isOurs = method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.split('?', 1)[0] === path;
    if (isOurs) accept(request, socket, head);
    else readAnew(server, request, socket, head);
  });
}

function readAnew(server: Server, request: IncomingMessage, socket: Duplex, rest: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (OFFERS.has(name.toLowerCase())) continue;
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? withoutOffers(value) : value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), rest]));
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
}

function withoutOffers(connection: string): string {
  const options = connection.split(',').filter((option) => !OFFERS.has(option.trim().toLowerCase()));
  return options.join(',').trim() || 'keep-alive';
}
