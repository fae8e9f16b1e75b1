/** One turn on a connection: a message is sent to the route as a request of its own, its events come back as messages. */
import type { IncomingHttpHeaders } from 'node:http';
import { createParser } from 'eventsource-parser';
import { AppError } from '../../../../errors/app-error.js';
import type { App } from '../../../app.js';
import { actingFor } from '../../../plugins/insiders.js';
import { countParts, tooManyParts } from '../../../plugins/json-body.js';
import { rememberingIn, type TurnMemory } from './turn-memory.js';

export interface Connection {
  /** Those that it was opened with: who asks is found out for every turn. */
  readonly headers: IncomingHttpHeaders;
  readonly memory: TurnMemory;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for the next. */
  readonly send: (data: string) => Promise<void>;
}

/** They say how a response is sent over HTTP. */
const OF_HTTP = ['stream', 'stream_options', 'background'];

/** Ends with the last event of the response, or with an error that was sent as one. */
export async function runTurn(app: App, connection: Connection, text: string, maxBodyParts: number): Promise<void> {
  const { send, memory, signal } = connection;
  let previousId: unknown;
  try {
    const body = readBody(text, maxBodyParts);
    previousId = body.previous_response_id;
    const response = await rememberingIn(memory, () =>
      actingFor({ principal: null, signal }, () =>
        app.inject({
          method: 'POST',
          url: '/v1/responses',
          headers: { ...connection.headers, 'content-type': 'application/json' },
          payload: JSON.stringify({ ...body, stream: true }),
          payloadAsStream: true,
        }),
      ),
    );
    const isAnswered = response.statusCode === 200;
    let last = '';
    for await (const data of isAnswered ? eventsOf(response.stream()) : [await errorOf(response)]) {
      last = data;
      await send(data);
    }
    if (!isAnswered || last.startsWith(FAILED)) memory.forget(previousId);
  } catch (error) {
    if (signal.aborted) return;
    memory.forget(previousId);
    await send(toEnvelope(toAppError(error)));
  }
}

/** How the event of a response that failed begins. */
const FAILED = '{"type":"response.failed"';

export function toEnvelope(error: AppError): string {
  return JSON.stringify({ type: 'error', status: error.spec.status, ...error.toWire() });
}

function readBody(text: string, maxBodyParts: number): Record<string, unknown> {
  if (countParts(text, maxBodyParts) > maxBodyParts) throw tooManyParts(maxBodyParts);
  const { type, ...body } = parse(text);
  if (type !== 'response.create') {
    throw new AppError('invalid_value', { param: 'type', reason: 'must be response.create' });
  }
  const param = OF_HTTP.find((name) => body[name] !== undefined && body[name] !== null);
  if (param === undefined) return body;
  throw new AppError('unsupported_parameter', { param, reason: 'it has no meaning on a WebSocket' });
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('invalid_json', { reason: 'it does not parse' });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new AppError('invalid_value', { param: 'body', reason: 'must be object' });
}

async function* eventsOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => void events.push(data) });
  for await (const chunk of stream) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    for (const data of events.splice(0)) if (data !== '[DONE]') yield data;
  }
}

async function errorOf(response: { statusCode: number; stream(): AsyncIterable<Buffer> }): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response.stream()) chunks.push(chunk);
  const { error } = JSON.parse(Buffer.concat(chunks).toString());
  return JSON.stringify({ type: 'error', status: response.statusCode, error });
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const isClosing = (error as { code?: unknown }).code === 'FST_ERR_REOPENED_CLOSE_SERVER';
  if (isClosing) return new AppError('draining', { retryAfterS: 1 });
  throw error;
}
