/** Functions of a tenant that the gateway itself calls over HTTP, for the deployments that name them. Types only. */
import type { ToolDefinition } from './prompt.js';

export interface HttpTool extends ToolDefinition {
  readonly tenant: string;
  /** Where the arguments go: as query with GET, as JSON with POST. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Its name at the MCP server that `url` is of; null: what is called is the address itself. */
  readonly mcpTool: string | null;
  readonly timeoutMs: number;
  /** Sent as a bearer token. The secret itself is never shown. */
  readonly hasSecret: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A function as an MCP server describes it. */
export interface RemoteTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
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
  /** What an MCP server offers. @throws AppError `invalid_value` where that cannot be had; the signal's reason */
  list(url: string, secret: string | null, signal: AbortSignal): Promise<readonly RemoteTool[]>;
  /** @throws AppError `invalid_value` for an address that would never be called */
  checkUrl(url: string): void;
}
