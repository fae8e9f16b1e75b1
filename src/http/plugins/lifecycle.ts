import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Aborter } from '../../abort/aborter.js';
import type { Clock } from '../../contracts/clock.js';
import { AppError } from '../../errors/app-error.js';
import type { Metrics } from '../../metrics/metrics.js';
import { Roll } from '../../queues/roll.js';
import { tracedIn } from '../../tracing/current.js';
import type { Tracing } from '../../tracing/tracing.js';
import type { App } from '../app.js';
import { allowHalfClosed, probeUntilAnswer } from './half-closed.js';
import { insider } from './insiders.js';
import { subjectOf } from './log-fields.js';

/** What nginx logs where a client went away before its answer; no such status is ever sent. */
const CLIENT_CLOSED_REQUEST = 499;
/** After the time to drain, what was aborted gets this long to say so to its client. */
const FAREWELL_MS = 1000;

export interface Lifecycle {
  readonly draining: () => boolean;
  /** Throws `draining` once the server was asked to stop. */
  readonly refuseWhileDraining: () => void;
  /** Begins with a request; the framework's hooks do it for every route. */
  readonly follow: (request: FastifyRequest, reply: FastifyReply) => void;
}

/** A request's id: the caller's, where it is short and harmless in a log, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}

/**
 * Follows each request from its first byte to the last of its answer: id, hang-up signal, log line, metrics.
 * Closing `app` drains it: requests in flight go on for `drainTimeoutMs`, then they are aborted.
 */
export function addLifecycle(
  app: App,
  {
    metrics,
    clock,
    drainTimeoutMs,
    tracing,
  }: { metrics: Metrics; clock: Clock; drainTimeoutMs: number; tracing: Tracing | null },
): Lifecycle {
  const inFlight = new Roll<AbortController>();
  let draining = false;
  let onIdle: (() => void) | null = null;

  app.decorateRequest('hangUp');
  app.decorateRequest('logged');
  app.decorateRequest('trace');
  allowHalfClosed(app.server);
  app.addHook('onRequest', (request, reply, done) => {
    follow(request, reply);
    done();
  });
  // Not before the body is there: reading it goes on in another context.
  app.addHook('preHandler', ({ trace }, _reply, done) => (trace === null ? done() : tracedIn(trace, done)));

  function follow(request: FastifyRequest, reply: FastifyReply): void {
    const startedMs = clock.monotonicMs();
    const controller = new Aborter();
    request.hangUp = controller.signal;
    request.logged = {};
    request.trace = tracing?.begin(request.headers) ?? null;
    const giveUp = () => reply.raw.destroy();
    const { signal, principal } = insider() ?? {};
    // What the server asks of itself is not waited for at its end: it is asked again.
    const leave = principal ? null : inFlight.add(controller);
    signal?.addEventListener('abort', giveUp);
    reply.header('x-request-id', request.id);
    // `close` comes after every end, also those that the framework's onResponse does not see.
    reply.raw.once('close', () => {
      if (!reply.raw.writableEnded) controller.abort();
      leave?.();
      signal?.removeEventListener('abort', giveUp);
      finish(request, reply, clock.monotonicMs() - startedMs);
      if (inFlight.size === 0) onIdle?.();
    });
    probeUntilAnswer(reply);
  }

  app.addHook('preClose', async () => {
    draining = true;
    if (!(await idleWithin(drainTimeoutMs))) {
      for (const controller of inFlight.all()) controller.abort(new AppError('draining', { retryAfterS: 1 }));
      await idleWithin(FAREWELL_MS);
    }
    // Closing a server waits for connections on which nothing was asked, too: clients open one after they hung up.
    app.server.closeAllConnections();
  });

  metrics.beforeScrape(() => metrics.set('http_requests_in_flight', {}, inFlight.size));

  function finish(request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
    const status = reply.raw.writableEnded ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST;
    const { method } = request;
    const route = request.routeOptions.url ?? 'unknown';
    metrics.add('http_requests_total', { method, route, status: String(status) });
    metrics.observe('http_request_duration_seconds', { method, route }, durationMs / 1000);
    const { tenant, keyId } = request.principal ?? {};
    const subject = subjectOf(route, request.params);
    request.trace?.end(`${method} ${route}`, status, {
      'http.request.method': method,
      'http.route': route,
      'http.response.status_code': status,
      'switchyard.request.id': request.id,
    });
    const traceId = request.trace?.traceId;
    const about = { tenant, keyId, traceId, ...(subject && { subject }), ...request.logged };
    request.log.info({ method, route, status, durationMs: Math.round(durationMs), ...about }, 'request completed');
  }

  function idleWithin(limitMs: number): Promise<boolean> {
    if (inFlight.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  return {
    follow,
    draining: () => draining,
    refuseWhileDraining: () => {
      if (draining) throw new AppError('draining', { retryAfterS: 1 });
    },
  };
}
