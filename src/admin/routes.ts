import { adapterRoutes } from './adapters.js';
import { auditRoutes } from './audit.js';
import { captureRoutes } from './captures.js';
import { deploymentRoutes } from './deployments.js';
import { evaluationRoutes } from './evaluations.js';
import { experimentRoutes } from './experiments.js';
import { keyRoutes } from './keys.js';
import { limitRoutes } from './limits.js';
import { modelRoutes } from './models.js';
import type { AdminPlugin } from './plugin.js';
import { policyRoutes } from './policies.js';
import { qualityRoutes } from './quality.js';
import { replicaRoutes } from './replicas.js';
import { rolloutRoutes } from './rollouts.js';
import { ChangeHeaders } from './schemas/common.js';
import { requireReach } from './scopes.js';
import { signerRoutes } from './signers.js';
import { tenantRoutes } from './tenants.js';
import { toolRoutes } from './tools.js';
import { usageRoutes } from './usage.js';
import { webhookRoutes } from './webhooks.js';

/** The admin API, below /admin. It has to be registered where keys are checked: its routes only declare their scope. */
export const adminRoutes: AdminPlugin = async (app, services) => {
  app.addHook('onRoute', (route) => {
    if (route.method !== 'GET' && route.method !== 'HEAD') route.schema = { headers: ChangeHeaders, ...route.schema };
  });
  app.addHook('onRequest', async ({ principal, params }) => {
    const { tenant } = params as { tenant?: string };
    if (tenant !== undefined) requireReach(principal, tenant);
  });
  for (const routes of [
    tenantRoutes,
    keyRoutes,
    limitRoutes,
    usageRoutes,
    signerRoutes,
    adapterRoutes,
    deploymentRoutes,
    rolloutRoutes,
    experimentRoutes,
    evaluationRoutes,
    policyRoutes,
    toolRoutes,
    webhookRoutes,
    qualityRoutes,
    captureRoutes,
    auditRoutes,
    replicaRoutes,
    modelRoutes,
  ]) {
    await app.register(routes, { ...services, prefix: '/admin' });
  }
};
