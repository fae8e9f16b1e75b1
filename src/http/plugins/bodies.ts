import { PassThrough, type Transform } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors/app-error.js';
import { SharedQueue } from '../../queues/shared-queue.js';
import type { App } from '../app.js';
import { bodyTooLarge } from './errors.js';
import { hasBody } from './linger.js';

export interface BodyLimits {
  readonly bodyTimeoutMs: number;
  readonly maxBodyBytesInFlight: number;
}

const IS_JSON = /^application\/json\b/i;

/**
 * Bodies on their way in and in use: one that says that it is too large is refused before it is read, one that stalls
 * ends, and all together are bounded, by tenant too; those of one tenant are read no faster than its pace, and files evenly. `app` must
 * know who asks.
 */
export function addBodies(app: App, { bodyTimeoutMs, maxBodyBytesInFlight }: BodyLimits): void {
  const inFlight = new SharedQueue({
    served: Number.POSITIVE_INFINITY,
    waiting: Number.POSITIVE_INFINITY,
    bytes: maxBodyBytesInFlight,
  });
  // Who asks before sending a large body hears of a refusal first.
  app.server.on('checkContinue', app.routing);

  app.addHook('preParsing', (request, reply, payload, done) => {
    const { raw, headers } = request;
    if (!hasBody(raw)) return done(null, payload);
    const { bodyLimit, config } = request.routeOptions;
    const bytes = Number(headers['content-length'] ?? bodyLimit);
    if (bytes > bodyLimit) throw bodyTooLarge(request);
    const { tenant } = request.principal;
    const held = config.streamsBody ? 0 : bytes;
    let giveWay = (error: AppError) => {
      clearTimeout(waiting);
      done(error);
    };
    const place = inFlight.enter(tenant, held, (error) => giveWay(error));
    // Its texts are in use until the answer is over.
    reply.raw.once('close', () => {
      clearTimeout(waiting);
      place.leave();
    });
    const read = () => {
      // One that came with its headers cannot stall or break off. Who reads forms may end them, which would be the connection's end.
      // The parser calls a request complete a moment after it has given all of it.
      const isWhole = raw.complete || raw.readableLength === Number(headers['content-length']);
      const isHere = isWhole && raw.readableLength <= bodyLimit && IS_JSON.test(headers['content-type'] ?? '');
      if (isHere) {
        place.served();
        return done(null, payload);
      }
      const isFile = config.streamsBody || config.maxFileBytes !== undefined;
      const body = isFile ? app.bodyPace.spread(bodyLimit) : new PassThrough();
      watchBody(request, body, bodyTimeoutMs);
      giveWay = (error) => body.destroy(error);
      raw.once('end', () => place.served());
      raw.pipe(body);
      if (headers.expect !== undefined) reply.raw.writeContinue();
      done(null, body);
    };
    // What goes to the disk as it comes is not read here.
    const waitMs = config.streamsBody ? 0 : app.bodyPace.take(tenant, Number(headers['content-length'] ?? 0));
    const waiting = waitMs === 0 ? undefined : setTimeout(read, waitMs);
    if (waitMs === 0) return read();
    request.logged.bodyWaitMs = Math.round(waitMs);
  });
}

/** The body as it comes fails where it stalls, breaks off or becomes too large. The connection lives on. */
function watchBody(request: FastifyRequest, body: Transform, timeoutMs: number): void {
  const { raw, routeOptions } = request;
  const stalled = () => body.destroy(new AppError('request_incomplete'));
  const timer = setTimeout(stalled, timeoutMs);
  let received = 0;
  const onData = (chunk: Buffer) => {
    timer.refresh();
    received += chunk.length;
    if (received > routeOptions.bodyLimit) body.destroy(bodyTooLarge(request));
  };
  const onClose = () => body.destroy(new Error('the client went away'));
  raw.on('data', onData);
  raw.once('close', onClose);
  raw.once('end', () => {
    clearTimeout(timer);
    raw.off('close', onClose);
  });
  body.once('close', () => {
    clearTimeout(timer);
    raw.unpipe(body);
    raw.off('data', onData);
    raw.off('close', onClose);
  });
}
