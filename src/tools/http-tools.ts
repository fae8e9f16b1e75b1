/** Calls functions of tenants at hosts that the configuration names: over HTTP, or at MCP servers. */
import { Check } from 'typebox/schema';
import type { Config } from '../config/schema.js';
import type { Clock } from '../contracts/clock.js';
import type { HttpTool, ToolCaller } from '../contracts/http-tools.js';
import { createOutbound, type OutboundOptions, type OutboundResponse, Refused, reasonOf } from '../outbound/request.js';
import { createMcp } from './mcp.js';

interface Options {
  readonly settings: Config['tools'];
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly resolve?: OutboundOptions['resolve'];
}

const EXAMPLE = 'https://stock.example.com/check';

export function createToolCaller({ settings, clock, resolve }: Options): ToolCaller {
  const outbound = createOutbound({ ...settings, setting: 'tools.allowedHosts', ...(resolve && { resolve }) });

  const mcp = createMcp(outbound, settings);

  /** `error`: told to the model in place of a result. */
  async function send(
    tool: HttpTool,
    secret: string | null,
    args: string,
    signal: AbortSignal,
  ): Promise<OutboundResponse> {
    const url = new URL(tool.url);
    const values = toObject(args);
    if (values === null) return failed('its arguments are no JSON object');
    if (!fits(tool, values)) return failed('its arguments do not fit its schema');
    if (tool.mcpTool !== null) return mcp.call(tool.url, secret, tool.mcpTool, values, signal);
    if (tool.method === 'GET')
      for (const [name, value] of Object.entries(values)) url.searchParams.set(name, toText(value));
    const headers = {
      accept: 'application/json, text/plain',
      ...(secret !== null && { authorization: `Bearer ${secret}` }),
      ...(tool.method === 'POST' && { 'content-type': 'application/json' }),
    };
    const body = tool.method === 'POST' ? JSON.stringify(values) : null;
    return outbound.send(url, { method: tool.method, headers, body, signal });
  }

  return {
    async call(tool, secret, args, signal) {
      const startedMs = clock.monotonicMs();
      const limited = AbortSignal.any([signal, AbortSignal.timeout(tool.timeoutMs)]);
      const { status, body, error } = await send(tool, secret, args, limited).catch((cause): OutboundResponse => {
        signal.throwIfAborted();
        if (cause instanceof Refused) return { status: cause.status, body: '', error: cause.message };
        return failed(limited.aborted ? `it did not answer within ${tool.timeoutMs} ms` : reasonOf(cause));
      });
      const run = {
        name: tool.name,
        outcome: error === null ? ('ok' as const) : ('failed' as const),
        status,
        bytes: Buffer.byteLength(body),
        durationMs: clock.monotonicMs() - startedMs,
      };
      return { content: error === null ? body : `${tool.name} failed: ${error}. ${body}`.trim(), run };
    },

    async list(url, secret, signal) {
      outbound.checkUrl(url, EXAMPLE);
      return mcp.list(url, secret, signal);
    },

    checkUrl: (text) => outbound.checkUrl(text, EXAMPLE),
  };
}

function failed(error: string): OutboundResponse {
  return { status: null, body: '', error };
}

function toObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function fits({ parameters }: HttpTool, values: object): boolean {
  try {
    return Check(parameters, values);
  } catch {
    // A schema that refers to what is not there, or to itself.
    return false;
  }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
