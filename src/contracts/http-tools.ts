/** Functions of a tenant that the gateway itself calls over HTTP, for the deployments that name them. Types only. */
import type { ToolDefinition } from './prompt.js';

export interface HttpTool extends ToolDefinition {
  readonly tenant: string;
  /** Where the arguments go: as query with GET, as JSON with POST. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly timeoutMs: number;
  /** Sent as a bearer token. The secret itself is never shown. */
  readonly hasSecret: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What came of a call: kept with the answer, without any text. */
export interface ToolRun {
  readonly name: string;
  /** `failed`: what the model was told instead of a result. */
  readonly outcome: 'ok' | 'failed';
  /** null: nothing answered. */
  readonly status: number | null;
  readonly bytes: number;
  readonly durationMs: number;
}

export interface ToolCaller {
  /** Never rejects but for the signal's reason: what goes wrong is for the model to know. @param args JSON */
  call(
    tool: HttpTool,
    secret: string | null,
    args: string,
    signal: AbortSignal,
  ): Promise<{ readonly content: string; readonly run: ToolRun }>;
  /** @throws AppError `invalid_value` for an address that would never be called */
  checkUrl(url: string): void;
}
