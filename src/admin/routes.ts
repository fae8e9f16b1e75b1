import { adapterRoutes } from './adapters.js';
import { deploymentRoutes } from './deployments.js';
import { keyRoutes } from './keys.js';
import type { AdminPlugin } from './plugin.js';
import { qualityRoutes } from './quality.js';
import { rolloutRoutes } from './rollouts.js';
import { signerRoutes } from './signers.js';
import { tenantRoutes } from './tenants.js';

/** The admin API, below /admin. It has to be registered where keys are checked: its routes only declare their scope. */
export const adminRoutes: AdminPlugin = async (app, services) => {
  for (const routes of [
    tenantRoutes,
    keyRoutes,
    signerRoutes,
    adapterRoutes,
    deploymentRoutes,
    rolloutRoutes,
    qualityRoutes,
  ]) {
    await app.register(routes, { ...services, prefix: '/admin' });
  }
};
