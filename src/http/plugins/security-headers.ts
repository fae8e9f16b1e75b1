import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';
import type { App } from '../app.js';

/** What browsers are told with every answer. It never differs, so it is made once: for each request it took as long as to read its body. */
export function addSecurityHeaders(app: App): void {
  const tell = helmet({
    // TLS ends elsewhere: neither this server's pages nor its host may force https.
    hsts: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
  const headers: Record<string, string> = {};
  const noted = {
    setHeader(name: string, value: string) {
      headers[name.toLowerCase()] = value;
    },
    removeHeader() {},
  };
  tell({} as IncomingMessage, noted as unknown as ServerResponse, () => {});
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}
