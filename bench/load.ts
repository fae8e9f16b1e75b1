/** A load generator for OpenAI-compatible servers: streamed completions, timed by what arrives. */
import { Agent, request } from 'undici';

/** One `POST /v1/completions` with `stream` and `stream_options.include_usage`. */
export interface CompletionCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/** Milliseconds on one clock. */
export interface StreamTiming {
  readonly sentMs: number;
  /** When each chunk with text of the answer arrived; never empty. */
  readonly chunksMs: readonly number[];
  /** By the server's count: a chunk may carry several tokens, or none where a character is not complete. */
  readonly promptTokens: number;
  readonly completionTokens: number;
}

interface CompletionChunk {
  readonly choices?: readonly { readonly text?: string; readonly finish_reason?: string | null }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message?: string };
}

/** Sends all calls at once, each on a connection of its own, and waits for all answers. */
export async function runStreams(calls: readonly CompletionCall[]): Promise<StreamTiming[]> {
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  try {
    return await Promise.all(calls.map((call) => runStream(call, agent)));
  } finally {
    await agent.destroy();
  }
}

async function runStream({ url, headers, body }: CompletionCall, dispatcher: Agent): Promise<StreamTiming> {
  const payload = JSON.stringify(body);
  const watch = createStopwatch(performance.now());
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: payload,
    dispatcher,
  });
  if (response.statusCode !== 200) {
    throw new Error(`${url} answered ${response.statusCode}: ${await response.body.text()}`);
  }
  const read = createSseReader();
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    const nowMs = performance.now();
    for (const data of read(decoder.decode(bytes as Buffer, { stream: true }))) watch.data(data, nowMs);
  }
  return watch.timing();
}

/** Takes the text of a stream in pieces of any length; gives the data of the events that each piece completes. */
export function createSseReader(): (text: string) => string[] {
  let rest = '';
  let lines: string[] = [];
  return (text) => {
    const parts = `${rest}${text}`.split('\n');
    rest = parts.pop()!;
    const events: string[] = [];
    for (const part of parts) {
      const line = part.endsWith('\r') ? part.slice(0, -1) : part;
      if (line.startsWith('data:')) lines.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && lines.length > 0) {
        events.push(lines.join('\n'));
        lines = [];
      }
    }
    return events;
  };
}

/** Reads the times off one stream's events. */
export function createStopwatch(sentMs: number) {
  const chunksMs: number[] = [];
  let usage: CompletionChunk['usage'] = null;
  return {
    data(data: string, nowMs: number): void {
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data) as CompletionChunk;
      if (chunk.error) throw new Error(`the stream ended with an error: ${chunk.error.message}`);
      usage = chunk.usage ?? usage;
      const [choice] = chunk.choices ?? [];
      // The chunk that ends an answer stands in for a token whose text never became a whole character.
      if (choice?.text || (choice?.finish_reason && chunksMs.length === 0)) chunksMs.push(nowMs);
    },
    /** @throws Error where tokens or their count never came */
    timing(): StreamTiming {
      if (chunksMs.length === 0) throw new Error('the stream ended without a token');
      if (!usage) throw new Error('the stream ended without its usage');
      const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = usage;
      return { sentMs, chunksMs, promptTokens, completionTokens };
    },
  };
}

const first = ({ chunksMs }: StreamTiming): number => chunksMs[0]!;
const last = ({ chunksMs }: StreamTiming): number => chunksMs.at(-1)!;

/** Tokens a second of one stream once it has begun. */
export function decodeTps(timing: StreamTiming): number {
  return ((timing.completionTokens - 1) * 1000) / (last(timing) - first(timing));
}

/** Tokens a second of all streams while all of them are being answered. @throws Error where they never are */
export function decodeTogetherTps(timings: readonly StreamTiming[]): number {
  const startMs = Math.max(...timings.map(first));
  const endMs = Math.min(...timings.map(last));
  if (endMs <= startMs) throw new Error('the streams were never all answered at once');
  const tokens = timings.map(({ chunksMs, completionTokens }) => {
    const within = chunksMs.filter((ms) => ms > startMs && ms <= endMs).length;
    return (within * completionTokens) / chunksMs.length;
  });
  return (tokens.reduce((sum, count) => sum + count, 0) * 1000) / (endMs - startMs);
}

/** Answer tokens a second of all streams together, from the first request to the last token: prompts and queues count. */
export function throughputTps(timings: readonly StreamTiming[]): number {
  const tokens = timings.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  const startMs = Math.min(...timings.map(({ sentMs }) => sentMs));
  return (tokens * 1000) / (Math.max(...timings.map(last)) - startMs);
}

export function timeToFirstTokenMs(timing: StreamTiming): number {
  return first(timing) - timing.sentMs;
}

/** Prompt tokens a second until the first token of the answer is there. */
export function prefillTps(timing: StreamTiming): number {
  return (timing.promptTokens * 1000) / timeToFirstTokenMs(timing);
}

/** The value at rank `share`, between neighbours in proportion. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const low = sorted[Math.floor(rank)]!;
  return low + (sorted[Math.ceil(rank)]! - low) * (rank - Math.floor(rank));
}
