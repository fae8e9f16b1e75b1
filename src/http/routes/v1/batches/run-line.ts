import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '../../../../contracts/registry.js';
import type { App } from '../../../app.js';
import { actingFor } from '../../../plugins/insiders.js';
import type { BatchLine } from './lines.js';

/** Answers that say that there is no room now: later there will be. */
const BUSY = new Set([429, 503]);
const MAX_TRIES = 20;
const LONGEST_PAUSE_MS = 30_000;
/** They take what others leave where a request says so. */
const WITH_TIERS = new Set(['/v1/chat/completions', '/v1/completions', '/v1/responses']);

export interface LineResult {
  readonly isError: boolean;
  /** As it stands in the file of results, or in that of errors. */
  readonly json: string;
}

/** Sends a line to its own route, as the caller of its batch. @throws the signal's reason */
export async function runLine(
  app: App,
  principal: Principal,
  url: string,
  { customId, body }: BatchLine,
  signal: AbortSignal,
): Promise<LineResult> {
  if (body.stream === true) return failedLine(customId, 'invalid_value', 'stream: must not be true in a batch.');
  const payload = { ...body, ...(WITH_TIERS.has(url) && { service_tier: 'flex' }) };
  for (let tries = 1; ; tries++) {
    const response = await actingFor({ principal, signal }, () => app.inject({ method: 'POST', url, payload })).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw error;
      },
    );
    const { statusCode, headers } = response;
    if (BUSY.has(statusCode) && tries < MAX_TRIES) {
      const pauseMs = Number(headers['retry-after'] ?? 1) * 1000;
      await sleep(Math.min(LONGEST_PAUSE_MS, pauseMs), undefined, { signal });
      continue;
    }
    const request_id = headers['x-request-id'];
    const result = { status_code: statusCode, request_id, body: response.json<unknown>() };
    return { isError: statusCode >= 400, json: toJson(customId, result, null) };
  }
}

/** A line that was not run. */
export function failedLine(customId: string, code: string, message: string): LineResult {
  return { isError: true, json: toJson(customId, null, { code, message }) };
}

function toJson(customId: string, response: object | null, error: object | null): string {
  return JSON.stringify({ id: `batch_req_${randomBytes(16).toString('hex')}`, custom_id: customId, response, error });
}
