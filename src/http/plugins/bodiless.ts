import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';
import { hasBody } from './linger.js';

/** Routes that take no body: what clients say about one that they do not send is not looked at, and one is refused. */
export function addBodilessRoutes(app: App): void {
  app.addHook('onRequest', ({ raw, routeOptions }, _reply, done) => {
    // OpenAI's Python client names a content type with every DELETE.
    if (routeOptions.schema?.body === undefined && !hasBody(raw)) delete raw.headers['content-type'];
    done();
  });
  app.addHook('preValidation', ({ body, routeOptions, is404 }, _reply, done) => {
    if (is404 || routeOptions.schema?.body !== undefined || body === undefined || isEmpty(body)) return done();
    throw new AppError('invalid_value', { param: 'body', reason: 'must be left out: there is nothing to say in it' });
  });
}

/** `{}` stands for no body with clients that always send one. */
function isEmpty(body: unknown): boolean {
  return body === null || (typeof body === 'object' && Object.keys(body).length === 0);
}
