/** Tells webhooks what is done to rollouts, behind it: what was done is told after any restart, and again until it was heard. */
import { randomUUID } from 'node:crypto';
import type { Config } from '../config/schema.js';
import type { Clock } from '../contracts/clock.js';
import type { Webhooks } from '../contracts/webhooks.js';
import { AppError } from '../errors/app-error.js';
import type { JobStore, Lease } from '../jobs/jobs.js';
import { JobRunner } from '../jobs/runner.js';
import type { Metrics } from '../metrics/metrics.js';
import { createOutbound, type OutboundOptions, reasonOf } from '../outbound/request.js';
import { messageOf } from './message.js';

export interface WebhookOptions {
  readonly settings: Config['webhooks'];
  readonly registry: Pick<Webhooks, 'findDelivery' | 'finishDelivery' | 'noteFailedDelivery'> & {
    readonly jobs: JobStore;
    readonly isAlone: boolean;
  };
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly resolve?: OutboundOptions['resolve'];
  readonly onError: (error: unknown, what: string) => void;
}

export interface WebhookDelivery {
  start(): void;
  /** There is something to tell. */
  wake(): void;
  /** What is not told yet is told after the next start. */
  close(): Promise<void>;
}

/** Of different tenants: whoever answers slowly keeps only his own waiting. */
const AT_ONCE = 4;
const EXAMPLE = 'https://ci.example.com/hooks/rollouts';

/** Looks at addresses as the delivery does, for who keeps them. */
export function webhookOutbound(settings: Config['webhooks'], resolve?: OutboundOptions['resolve']) {
  const { allowedHosts, privateAddresses } = settings;
  const outbound = createOutbound({
    ...{ allowedHosts, privateAddresses, maxResponseBytes: 0, setting: 'webhooks.allowedHosts' },
    ...(resolve && { resolve }),
  });
  return { send: outbound.send, checkUrl: (url: string) => outbound.checkUrl(url, EXAMPLE) };
}

export function createWebhookDelivery(options: WebhookOptions): WebhookDelivery {
  const { settings, registry, metrics, clock, resolve, onError } = options;
  const { timeoutMs, maxAttempts } = settings;
  const outbound = webhookOutbound(settings, resolve);
  const failure = { code: 'internal', message: 'Something went wrong on our side.' } as const;

  async function work(lease: Lease, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const delivery = await registry.findDelivery(lease);
    if (delivery === null) return registry.finishDelivery(lease);
    const { headers, body } = messageOf(delivery, clock.now());
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { error } = await outbound
      .send(new URL(delivery.webhook.url), { method: 'POST', headers, body, signal: limited })
      .catch((cause: unknown) => {
        signal.throwIfAborted();
        return { error: limited.aborted ? `it did not answer within ${timeoutMs} ms` : reasonOf(cause) };
      });
    metrics.add('webhook_deliveries_total', { outcome: error === null ? 'delivered' : 'failed' });
    if (error === null) return registry.finishDelivery(lease);
    const failed = new AppError('webhook_failed', { webhook: delivery.webhook.id, reason: error });
    await registry.noteFailedDelivery(lease, { code: failed.code, message: error });
    throw failed;
  }

  const runner = new JobRunner({
    ...{ jobs: registry.jobs, kind: 'webhook', holder: randomUUID(), isAlone: registry.isAlone },
    ...{ atOnce: AT_ONCE, maxAttempts, failure, clock, work, onError },
    onFailed: ({ subject }) => {
      metrics.add('webhook_deliveries_total', { outcome: 'given_up' });
      onError(new Error(`not told after ${maxAttempts} attempts`), `webhook ${subject}`);
    },
  });
  return { start: () => runner.start(), wake: () => runner.wake(), close: () => runner.stop() };
}
