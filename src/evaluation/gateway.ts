import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors/app-error.js';
import { type Cited, MAX_ANSWER_TOKENS, toAnswer } from './answer.js';
import type { Answer } from './score.js';

export interface Ask {
  readonly model: string;
  readonly question: string;
  readonly retrieval: { readonly enabled: boolean; readonly top_k?: number; readonly min_score?: number };
}

const START_TIMEOUT_MS = 180_000;
const POLL_MS = 500;

interface ChatResponse {
  readonly choices: readonly [{ readonly message: Message }];
}

interface Message {
  readonly content: string;
  readonly context?: { readonly citations: readonly Cited[] };
}

/** Asks as a client of the tenant does, greedily, so that a run can be repeated. */
export async function ask(url: string, key: string, { model, question, retrieval }: Ask): Promise<Answer> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: question }],
      temperature: 0,
      max_tokens: MAX_ANSWER_TOKENS,
      retrieval,
    }),
  });
  const body = (await response.json()) as ChatResponse & { error?: { message: string } };
  if (!response.ok) {
    throw new AppError('invalid_value', {
      param: url,
      reason: `answered ${response.status} for ${model}: ${body.error?.message}`,
    });
  }
  const { content, context } = body.choices[0].message;
  return toAnswer(content, context?.citations ?? []);
}

/** Uses the gateway that answers at the address, or starts one as `npm start` does and ends it with `close`. */
export async function openGateway(url: string): Promise<{ close(): Promise<void> }> {
  if (await isReady(url)) return { close: async () => {} };
  const { hostname, port } = new URL(url);
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, HOST: hostname, PORT: port },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (const deadline = Date.now() + START_TIMEOUT_MS; !(await isReady(url)); await sleep(POLL_MS)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill();
      throw new AppError('invalid_value', {
        param: url,
        reason: 'no gateway became ready there; see what npm start says',
      });
    }
  }
  return {
    close: () => {
      child.kill();
      return exited;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}
