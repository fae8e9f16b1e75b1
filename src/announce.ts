/** What a person at the terminal sees of a start: progress, then where to go. */
import type { Config } from './config/schema.js';
import type { DemoTenant } from './demo/tenants.js';

/** Draws one line again and again on a terminal; elsewhere says nothing until the end. */
export function showIndexing(done: number, total: number): void {
  if (!process.stderr.isTTY || total === 0) return;
  const filled = Math.round((done / total) * 30);
  const bar = '#'.repeat(filled).padEnd(30);
  process.stderr.write(`\rIndexing the sample documents [${bar}] ${done} of ${total}${done === total ? '\n' : ''}`);
}

/** The line that ends a start, with a command to try for each sample tenant. */
export function readyText(address: string, { host, port }: Config['admin'], tenants: readonly DemoTenant[]): string {
  const named = host.includes(':') ? `[${host}]` : host;
  const operators = port === 0 ? address : `${new URL(address).protocol}//${named}:${port}`;
  const samples = tenants.flatMap(({ name, secret, assistant }) =>
    assistant === null ? [] : ['', `${name}:`, curl(address, secret, assistant.sampleQuestion)],
  );
  return [`ready on ${address} (documentation: ${address}/docs, console: ${operators}/console/)`, ...samples, ''].join(
    '\n',
  );
}

export function withoutSamples(base: string): string {
  return `the sample tenants are left out, since their adapters are not for ${base}: docs/guides/your-own-model.md says how to make one of your own`;
}

function curl(address: string, key: string, question: string): string {
  const body = JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: question }] });
  return `curl -s ${address}/v1/chat/completions -H 'authorization: Bearer ${key}' -H 'content-type: application/json' -d '${body}'`;
}
