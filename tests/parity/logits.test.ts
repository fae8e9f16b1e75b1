import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { HALF_TO_FLOAT } from '../../src/layouts/half-float.js';
import { loadRunner, logitsOfAll } from './load-runner.js';
import { DecoderRun } from './run-decoder.js';

interface TextGolden {
  readonly ids: readonly number[];
  readonly topIds: string;
  readonly topLogprobs: string;
  readonly tailLogprobs: string;
}
interface LogitsGolden {
  readonly model: string;
  readonly kept: number;
  readonly texts: Readonly<Record<string, TextGolden>>;
}

const POSITIONS = 1024;
const CHUNK = 64;

/** What agreement on the likeliest token is asked of each; the smaller model is surer of nothing. */
const MODELS = { 'smollm2-135m-instruct': 0.94, 'qwen2.5-coder-0.5b-instruct': 0.95 };
/** The operators that nobody should need take five times as long: of them fewer tokens are asked. */
const [KERNEL_TOKENS, STOCK_TOKENS] = [1500, 512];

for (const [model, agreement] of Object.entries(MODELS)) {
  const modelDir = path.resolve('.switchyard/models', model);

  t.test(`${model}: stock operators predict what llama.cpp predicts from the same file`, async (t) => {
    const run = await DecoderRun.load(modelDir, 1, POSITIONS);
    t.teardown(() => run.release());
    const logitsOf = (tokens: number[], past: number) => run.step([{ slot: 0, past, tokens }]);
    await compare(t, readGolden(model), { agreement, atLeast: STOCK_TOKENS }, run.manifest.baseDigest, logitsOf);
  });

  t.test(`${model}: our kernels predict what llama.cpp predicts from the same file`, async (t) => {
    const runner = loadRunner(modelDir);
    const { baseDigest } = JSON.parse(readFileSync(path.join(modelDir, 'manifest.json'), 'utf8'));
    const logitsOf = async (tokens: number[], start: number) => logitsOfAll(runner, tokens, { start });
    await compare(t, readGolden(model), { agreement, atLeast: KERNEL_TOKENS }, baseDigest, logitsOf);
  });
}

function readGolden(model: string): LogitsGolden {
  const file = path.resolve('tests/parity/goldens/logits', `${model}.json.gz`);
  return JSON.parse(gunzipSync(readFileSync(file)).toString()) as LogitsGolden;
}

async function compare(
  t: Test,
  golden: LogitsGolden,
  { agreement, atLeast }: { readonly agreement: number; readonly atLeast: number },
  baseDigest: string,
  logitsOf: (tokens: number[], past: number) => Promise<Float32Array>,
): Promise<void> {
  t.equal(baseDigest, golden.model, 'the goldens are of the imported file');

  let tokens = 0;
  let divergence = 0;
  let agreed = 0;
  for (const text of Object.values(golden.texts)) {
    if (tokens >= atLeast) break;
    const topIds = new Uint32Array(bytesOf(text.topIds).buffer);
    const topLogprobs = words(text.topLogprobs);
    const tailLogprobs = words(text.tailLogprobs);
    for (let past = 0; past < text.ids.length; past += CHUNK) {
      const chunk = text.ids.slice(past, past + CHUNK);
      const logits = await logitsOf(chunk, past);
      const width = logits.length / chunk.length;
      for (let i = 0; i < chunk.length; i++) {
        const at = (past + i) * golden.kept;
        const ids = topIds.subarray(at, at + golden.kept);
        const expected = Float64Array.from(topLogprobs.subarray(at, at + golden.kept), (half) => HALF_TO_FLOAT[half]!);
        const actual = logits.subarray(i * width, (i + 1) * width);
        divergence += klOfHead(ids, expected, HALF_TO_FLOAT[tailLogprobs[past + i]!]!, actual);
        agreed += argmax(actual) === ids[0] ? 1 : 0;
        tokens += 1;
      }
    }
  }
  t.comment(
    `${tokens} tokens, mean KL ${(divergence / tokens).toFixed(5)}, top-1 ${((100 * agreed) / tokens).toFixed(2)} %`,
  );
  t.ok(tokens >= atLeast, `${tokens} teacher-forced tokens`);
  t.ok(divergence / tokens <= 0.01, `mean KL ${divergence / tokens}`);
  t.ok(agreed / tokens >= agreement, `top-1 agreement ${agreed / tokens}`);
}

/**
 * KL(expected || actual) over the kept tokens and one bucket of all others: a lower bound of the whole, short of it by
 * what the others differ among themselves.
 */
function klOfHead(ids: Uint32Array, expected: Float64Array, expectedTail: number, actual: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of actual) if (logit > largest) largest = logit;
  let total = 0;
  for (const logit of actual) total += Math.exp(logit - largest);
  const normalizer = largest + Math.log(total);
  let sum = 0;
  let tail = 1;
  for (let i = 0; i < ids.length; i++) {
    const logprob = actual[ids[i]!]! - normalizer;
    sum += Math.exp(expected[i]!) * (expected[i]! - logprob);
    tail -= Math.exp(logprob);
  }
  return sum + Math.exp(expectedTail) * (expectedTail - Math.log(Math.max(tail, 1e-7)));
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function words(base64: string): Uint16Array {
  return new Uint16Array(bytesOf(base64).buffer);
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
