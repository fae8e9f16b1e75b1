/** Requests that are refused before a route is found: no valid HTTP, a URL that cannot be decoded, an id too long. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { AppError } from '../../errors/app-error.js';
import type { Metrics } from '../../metrics/metrics.js';
import type { Lifecycle } from './lifecycle.js';

/** Of a path parameter, in characters. */
export const MAX_ID_CHARACTERS = 256;
/** For the other end to read why it is refused; to be reset with the refusal unread is to be told nothing. */
const LINGER_MS = 1000;

export const toFrameworkError = (lifecycle: () => Lifecycle) =>
  ((error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
    // The framework runs no hook here.
    lifecycle().follow(request, reply);
    const known =
      error.code === 'FST_ERR_MAX_PARAM_LENGTH'
        ? new AppError('invalid_value', {
            param: 'url',
            reason: `holds an id of more than ${MAX_ID_CHARACTERS} characters`,
          })
        : new AppError('invalid_value', { param: 'url', reason: 'cannot be decoded' });
    request.log[known.spec.level]({ code: known.code }, 'request refused');
    reply.code(known.spec.status).send(known.toWire());
  }) as NonNullable<FastifyServerOptions['frameworkErrors']>;

/** Answers what the HTTP parser refuses, on the bare connection, as far as anybody still listens there. */
export function createClientErrorHandler(metrics: Metrics, log: () => FastifyBaseLogger) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    // Most often a client that went away.
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const known = toClientError(error.code);
    const { status } = known.spec;
    metrics.add('http_requests_total', { method: 'unknown', route: 'unknown', status: String(status) });
    log()[known.spec.level]({ code: known.code, status }, 'request refused');
    const body = JSON.stringify(known.toWire());
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
    // Who neither reads nor ends, and goes on a byte at a time, would keep its connection for ever.
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}

function toClientError(code: string | undefined): AppError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('headers_too_large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('request_incomplete');
    default:
      return new AppError('invalid_http');
  }
}
