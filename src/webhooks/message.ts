import { createHmac } from 'node:crypto';
import type { Delivery } from '../contracts/webhooks.js';

/** A rollout event as CloudEvents 1.0 has it (structured mode), signed as Standard Webhooks has it. Pure. */
export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @param nowMs of this attempt: what is signed is no older than it says */
export function messageOf({ webhook, secrets, deployment, event }: Delivery, nowMs: number): WebhookMessage {
  const { tenant } = webhook;
  const { adapter, stableVersion, canaryVersion } = event.served;
  const version = canaryVersion ?? stableVersion;
  const body = JSON.stringify({
    specversion: '1.0',
    id: String(event.revision),
    source: `/tenants/${tenant}/deployments/${deployment}`,
    type: `switchyard.rollout.${event.type}`,
    subject: version === null ? 'base' : `${adapter}@${version}`,
    time: new Date(event.createdAt).toISOString(),
    datacontenttype: 'application/json',
    data: { tenant, deployment, ...event },
  });
  // The same at every attempt, so that whoever got it twice knows.
  const id = `${webhook.id}.${deployment}.${event.revision}`;
  const timestamp = Math.floor(nowMs / 1000);
  const signed = secrets.map((secret) => `v1,${sign(secret, `${id}.${timestamp}.${body}`)}`);
  return {
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signed.join(' '),
    },
    body,
  };
}

function sign(secret: string, text: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(text).digest('base64');
}
