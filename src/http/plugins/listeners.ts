import type { RequestListener, Server } from 'node:http';
import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';
import { allowHalfClosed } from './half-closed.js';

export interface AdminListener {
  readonly host: string;
  /** 0: there is none, and all is on the app's own. */
  readonly port: number;
}

/** What is served on the admin listener, where there is one; health is on both. */
const ADMIN = /^\/(?:admin|metrics|console)(?:[/?]|$)/;
const HEALTH = /^\/(?:livez|readyz)(?:\?|$)/;

/**
 * A second listener for what operators use, so that it can be on another address than what tenants do. Each path is on one of the
 * two, and not found on the other.
 * @param create makes a server like the app's own
 * @returns all servers of the app
 */
export function addAdminListener(
  app: App,
  { host, port }: AdminListener,
  create: (handler: RequestListener) => Server,
): readonly Server[] {
  if (port === 0) {
    app.decorate('listenAdmin', async () => {});
    return [app.server];
  }
  const server = create(app.routing);
  allowHalfClosed(server);
  server.on('checkContinue', app.routing);
  for (const listener of app.server.listeners('clientError')) server.on('clientError', listener as () => void);
  app.addHook('onRequest', async ({ raw, method, url }) => {
    const isAdmin = (raw.socket as { server?: unknown }).server === server;
    if (HEALTH.test(url) || ADMIN.test(url) === isAdmin) return;
    throw new AppError('route_not_found', { method, path: url.split('?', 1)[0]! });
  });
  app.addHook('onClose', async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    // What was asked has its answer by now, as on the app's own (`lifecycle.ts`).
    server.closeAllConnections();
    await closed;
  });
  app.decorate('listenAdmin', async () => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  });
  return [app.server, server];
}
