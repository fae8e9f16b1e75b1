import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';
import type { ProcessState } from '../checks.js';

const RETRY_AFTER_S = 5;

/** Where the data folder is gone, nothing is acknowledged that would go with it; what only reads goes on. */
export function addStorageCheck(app: App, { storageLost }: Pick<ProcessState, 'storageLost'>): void {
  const requireStorage = async () => {
    const reason = await storageLost();
    if (reason !== null) throw new AppError('storage_unavailable', { reason, retryAfterS: RETRY_AFTER_S });
  };
  app.addHook('preHandler', ({ method, routeOptions }, _reply, done) => {
    if (method === 'GET' || method === 'HEAD' || routeOptions.config.keepsNothing) done();
    else requireStorage().then(() => done(), done);
  });
}
