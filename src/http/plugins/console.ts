import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { App } from '../app.js';

/** Where scripts/console.mjs puts it, from `src` and from `dist`. */
const FOLDER = fileURLToPath(new URL('../../../dist/console/', import.meta.url));
/** Scripts and styles of this server alone, requests to it alone, and no text ever becomes markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** The console at /console/: files that know no key and no tenant. What they show is asked of the API, with the user's keys. */
export async function addConsole(app: App): Promise<void> {
  await app.register(async (files: App) => {
    files.addHook('onSend', (_request, reply, _payload, done) => {
      reply.header('content-security-policy', POLICY);
      done();
    });
    await files.register(fastifyStatic, {
      root: FOLDER,
      prefix: '/console/',
      decorateReply: false,
      // One route a file, so that any other path is answered as everywhere.
      wildcard: false,
      // After an update the next visit has the new files: they are asked for again each time, by their etag.
      cacheControl: true,
      maxAge: 0,
      schemaHide: true,
    });
  });
  // Relative, because a gateway may live below a prefix.
  app.get('/console', { schema: { hide: true } }, async (_request, reply) => reply.redirect('console/'));
}
