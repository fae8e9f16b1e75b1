import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import type { Config } from '../config/schema.js';

/** A connection without any byte for this much longer than an answer may take is closed. */
const IDLE_MARGIN_MS = 10_000;
/** What a client may keep a connection for between two requests: longer than a load balancer's minute. */
const KEEP_ALIVE_MS = 72_000;
/** How often connections are looked at that are late with their headers, or with the rest of a request. */
const CHECK_EVERY_MS = 1000;

/** A server that is bounded in what connections can take: how many there are, and how long each may be silent or slow. */
export function createListener(
  handler: RequestListener,
  { headersTimeoutMs, maxConnections, requestTimeoutMs }: Config['server'],
  tls: TlsOptions | null,
): Server {
  const options = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  };
  const server: Server =
    tls === null ? createHttpServer(options, handler) : createHttpsServer({ ...tls, ...options }, handler);
  server.setTimeout(requestTimeoutMs + IDLE_MARGIN_MS);
  server.maxConnections = maxConnections;
  return server;
}
