import type { FastifyError, FastifyRequest } from 'fastify';
import { AppError } from '../../errors/app-error.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';
import type { App } from '../app.js';
import { sendAndLinger } from './linger.js';
import type { MethodsOf } from './methods.js';

/** The one place where errors become responses: the table's status, OpenAI's envelope, Retry-After. */
export function addErrors(app: App): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (request.hangUp.aborted && !(error instanceof AppError)) {
      // What was under way was stopped because nobody waits for it any more.
      reply.hijack();
      return reply;
    }
    const known = toAppError(error, request);
    logError(request, known, error);
    if (known.retryAfterS !== null) reply.header('retry-after', known.retryAfterS);
    // OpenAI's clients try every 429 again, unless they are told that it is no use.
    if (known.spec.status === 429 && !known.spec.retryable) reply.header('x-should-retry', 'false');
    if (known.spec.status === 401) reply.header('www-authenticate', 'Bearer');
    const body = request.routeOptions.config.toErrorBody?.(known, request.id) ?? known.toWire();
    return sendAndLinger(request, reply.code(known.spec.status), body);
  });
}

/** Before the framework looks at the body: what has no route is refused for that alone. */
export function addNotFound(app: App, methodsOf: MethodsOf): void {
  app.addHook('onRequest', ({ is404, method, url }, reply, done) => {
    if (!is404) return done();
    const path = url.split('?', 1)[0]!;
    const allowed = methodsOf(path).join(', ');
    if (allowed === '') throw new AppError('route_not_found', { method, path });
    reply.header('allow', allowed);
    throw new AppError('method_not_allowed', { method, path, allowed });
  });
}

/** Others of the system may be of a connection, too. */
const OF_DISK = /^(SQLITE_\w+|ENOSPC|EDQUOT|EROFS|EIO)$/;

/** An error of the framework, or an unexpected one, as one from the table. */
export function toAppError(error: unknown, request: FastifyRequest): AppError {
  if (error instanceof AppError && error.code !== 'internal') return error;
  const { code, message, statusCode = 500 } = error as Partial<FastifyError>;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return bodyTooLarge(request);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('unsupported_media_type', {
        contentType: request.headers['content-type'] ?? '(none)',
        supported: request.routeOptions.schema?.consumes?.join(' or ') ?? 'application/json',
      });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new AppError('invalid_json', { reason: 'it is empty' });
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new AppError('invalid_json', { reason: 'it does not parse' });
  }
  const trouble = OF_DISK.test(String(code)) ? storageTrouble(error) : null;
  if (trouble !== null) return new AppError('storage_unavailable', { reason: trouble, retryAfterS: 5 });
  if (statusCode < 500) {
    return new AppError('invalid_value', { param: 'request', reason: (message ?? 'is not valid').replace(/\.$/, '') });
  }
  return new AppError('internal', { requestId: request.id }, { cause: error });
}

/** The route's limit, and what raises it. */
export function bodyTooLarge({ headers, routeOptions: { bodyLimit, config } }: FastifyRequest): AppError {
  const { maxFileBytes, streamsBody } = config;
  if (maxFileBytes === undefined) {
    const setting = streamsBody ? 'server.maxAdapterBytes' : 'server.maxBodyBytes';
    return new AppError('body_too_large', { limitBytes: bodyLimit, setting });
  }
  const bytes = headers['content-length'] ?? `more than ${maxFileBytes}`;
  return new AppError('file_too_large', { bytes, limitBytes: maxFileBytes });
}

/** Messages of expected errors may quote the request, so only their code is logged. */
export function logError(request: FastifyRequest, known: AppError, original: unknown): void {
  request.logged.code = known.code;
  if (known.code === 'internal') request.log.error({ err: original, code: known.code }, 'request failed');
  else request.log[known.spec.level]({ code: known.code }, 'request refused');
}
