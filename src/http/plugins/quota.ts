import type { FastifyReply } from 'fastify';
import type { Caller, Quota, RateStatus } from '../../contracts/quota.js';
import type { App } from '../app.js';

const namesOf = (what: string) => ({
  limit: `x-ratelimit-limit-${what}`,
  remaining: `x-ratelimit-remaining-${what}`,
  reset: `x-ratelimit-reset-${what}`,
});
const HEADERS = { requests: namesOf('requests'), tokens: namesOf('tokens') };

/**
 * Lets in whom the quota lets in, by the headers of a request: nothing of a body was read yet. Every answer tells where its
 * caller stands, in OpenAI's headers. `app` must know who asks.
 */
export function addQuota(app: App, quota: Quota): void {
  app.addHook('onRequest', async (request, reply) => {
    const { principal, method, hangUp, routeOptions } = request;
    const { scope } = routeOptions.config;
    // Limits are set there: nobody must be able to lock themselves out.
    if (scope === 'admin') return;
    const computes = scope === 'inference' && method === 'POST';
    const leave = await quota.admit(principal, { computes, signal: hangUp });
    if (reply.raw.destroyed) leave();
    else reply.raw.once('close', leave);
  });
  app.decorateReply('tellLimits', function () {
    tellLimits(this, quota, this.request.principal);
  });
  app.addHook('onSend', ({ principal }, reply, _payload, done) => {
    if (principal !== undefined) reply.tellLimits();
    done();
  });
}

function tellLimits(reply: FastifyReply, quota: Quota, caller: Caller): void {
  const { requests, tokens } = quota.look(caller);
  tellLimit(reply, HEADERS.requests, requests);
  tellLimit(reply, HEADERS.tokens, tokens);
}

function tellLimit(reply: FastifyReply, names: (typeof HEADERS)['requests'], status: RateStatus | null): void {
  if (status === null) return;
  reply.header(names.limit, status.limit);
  reply.header(names.remaining, status.remaining);
  reply.header(names.reset, formatDuration(status.resetMs));
}

/** As OpenAI writes it: 120ms, 7.66s, 6m0s. */
function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 10) / 100;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${Math.floor(seconds % 60)}s`;
}
