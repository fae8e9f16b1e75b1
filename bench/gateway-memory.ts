const BASE_URL = process.env.SWITCHYARD_URL ?? 'http://127.0.0.1:8080';
const MODEL = 'qwen2.5-coder-0.5b-instruct';
const KEY = 'sk-demo-northwind-bank';
const CONTEXT_TOKENS = 2048;
const ANSWER_TOKENS = 64;

/**
 * Resident memory of all processes of a running demo gateway, in MiB, after every slot was filled to its end through the
 * API; null where no gateway listens.
 */
export async function gatewayRssMb(): Promise<number | null> {
  const before = await scrape().catch(() => null);
  if (before === null) return null;
  const slots = Number(/^\w*kv_slots\{.*\} (\d+)$/m.exec(before)?.[1]);
  const prompt = Array.from({ length: CONTEXT_TOKENS - ANSWER_TOKENS }, (_, i) => 1000 + ((i * 7919) % 40_000));
  await Promise.all(Array.from({ length: slots }, () => complete(prompt)));
  const memory = (await scrape()).matchAll(/^\w*(?:child|process)_resident_memory_bytes(?:\{.*\})? (\S+)$/gm);
  return [...memory].reduce((sum, [, bytes]) => sum + Number(bytes), 0) / 2 ** 20;
}

async function scrape(): Promise<string> {
  return (await fetch(`${BASE_URL}/metrics`)).text();
}

async function complete(prompt: readonly number[]): Promise<void> {
  const response = await fetch(`${BASE_URL}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model: MODEL, prompt, max_tokens: ANSWER_TOKENS }),
  });
  if (!response.ok) throw new Error(`the gateway answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}
