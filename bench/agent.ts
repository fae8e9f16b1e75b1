/**
 * A coding agent's conversation: twelve turns, each a call of a function, its result, and the whole history sent again. How much of each prompt
 * is found in the prefix cache, and how long the first token takes where only the last message is new.
 */
import { removeDataDir, startAsShipped, temporaryDataDir } from '../tests/integration/gateway-process.js';
import { startAgent } from './agent/prompt.js';
import { registerTenant } from './gateway/tenant.js';
import { createSseReader } from './load.js';
import type { Bench } from './main.js';
import { quantile } from './retrieval/quantile.js';

const TURNS = 12;
const CONVERSATIONS = { quick: 1, whole: 5 };
const MAX_TOKENS = 160;
const ENV = { SWITCHYARD_DEMO: 'false' };

interface Call {
  id: string;
  readonly type: 'function';
  readonly function: { name: string; arguments: string };
}

interface Chunk {
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string;
      readonly tool_calls?: readonly { readonly id?: string; readonly function: Partial<Call['function']> }[];
    };
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  } | null;
}

interface Turn {
  readonly content: string;
  readonly calls: readonly Call[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly firstTokenMs: number;
}

const run: Bench = async ({ quick, say }) => {
  const dataDir = temporaryDataDir();
  const { key } = await registerTenant(dataDir, ENV, {});
  const gateway = await startAsShipped(dataDir, ENV);
  const first: Turn[] = [];
  const later: Turn[] = [];
  try {
    for (let number = 0; number < CONVERSATIONS[quick ? 'quick' : 'whole']; number++) {
      const turns = await converse(gateway.url, key, number);
      first.push(turns[0]!);
      later.push(...turns.slice(1));
      const last = turns.at(-1)!;
      say(`${turns.length} turns, ${turns[0]!.promptTokens} to ${last.promptTokens} tokens of prompt`);
    }
  } finally {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  }
  const sum = (of: (turn: Turn) => number) => later.reduce((total, turn) => total + of(turn), 0);
  const times = later.map(({ firstTokenMs }) => firstTokenMs);
  return {
    prefix_hit_share: Math.round((1000 * sum((turn) => turn.cachedTokens)) / sum((turn) => turn.promptTokens)) / 1000,
    ttft_p50_ms: quantile(times, 0.5),
    ttft_p95_ms: quantile(times, 0.95),
    first_turn_ttft_ms: quantile(
      first.map(({ firstTokenMs }) => firstTokenMs),
      0.5,
    ),
    prompt_tokens_first: first[0]!.promptTokens,
    prompt_tokens_last: Math.max(...later.map(({ promptTokens }) => promptTokens)),
    turns_with_a_call: later.concat(first).filter(({ calls }) => calls.length > 0).length,
  };
};
export default run;

async function converse(url: string, key: string, number: number): Promise<Turn[]> {
  const { messages, tools, result } = startAgent(number);
  const turns: Turn[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const said = await ask(url, key, { messages, tools, tool_choice: 'required', parallel_tool_calls: false });
    turns.push(said);
    // As it came, as an agent does it.
    messages.push({ role: 'assistant', content: said.content, tool_calls: said.calls });
    for (const { id } of said.calls) messages.push({ role: 'tool', tool_call_id: id, content: result(turn) });
  }
  return turns;
}

async function ask(url: string, key: string, body: object): Promise<Turn> {
  const sentMs = performance.now();
  const stream = { stream: true, stream_options: { include_usage: true } };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'assistant', max_tokens: MAX_TOKENS, ...stream, ...body }),
  });
  if (!response.ok) throw new Error(`the gateway answered ${response.status}: ${await response.text()}`);
  const read = createSseReader();
  const decoder = new TextDecoder();
  let content = '';
  const calls: Call[] = [];
  let usage: Chunk['usage'] = null;
  let firstTokenMs: number | null = null;
  for await (const bytes of response.body!) {
    for (const data of read(decoder.decode(bytes, { stream: true }))) {
      if (data === '[DONE]') continue;
      const chunk = JSON.parse(data) as Chunk;
      usage = chunk.usage ?? usage;
      const { content: text = '', tool_calls: pieces = [] } = chunk.choices[0]?.delta ?? {};
      if (text !== '' || pieces.length > 0) firstTokenMs ??= performance.now() - sentMs;
      content += text;
      for (const { id, function: piece } of pieces) {
        if (id !== undefined) calls.push({ id, type: 'function', function: { name: piece.name!, arguments: '' } });
        calls.at(-1)!.function.arguments += piece.arguments ?? '';
      }
    }
  }
  if (usage === null || firstTokenMs === null) throw new Error('the answer has no usage, or no token');
  const { prompt_tokens: promptTokens, prompt_tokens_details: details } = usage!;
  return { content, calls, promptTokens, cachedTokens: details.cached_tokens, firstTokenMs };
}
