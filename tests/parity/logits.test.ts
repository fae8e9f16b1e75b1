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

const modelDir = path.resolve('.switchyard/models/smollm2-135m-instruct');

t.test('stock operators predict what llama.cpp predicts from the same file', async (t) => {
  const run = await DecoderRun.load(modelDir, 1, POSITIONS);
  t.teardown(() => run.release());
  await compare(t, run.manifest.baseDigest, (tokens, past) => run.step([{ slot: 0, past, tokens }]));
});

t.test('our kernels predict what llama.cpp predicts from the same file', async (t) => {
  const runner = loadRunner(modelDir);
  const { baseDigest } = JSON.parse(readFileSync(path.join(modelDir, 'manifest.json'), 'utf8'));
  await compare(t, baseDigest, async (tokens, start) => logitsOfAll(runner, tokens, { start }));
});

async function compare(
  t: Test,
  baseDigest: string,
  logitsOf: (tokens: number[], past: number) => Promise<Float32Array>,
): Promise<void> {
  const golden = JSON.parse(
    gunzipSync(readFileSync(path.resolve('tests/parity/goldens/logits.json.gz'))).toString(),
  ) as LogitsGolden;
  t.equal(baseDigest, golden.model, 'the goldens are of the imported file');

  let tokens = 0;
  let divergence = 0;
  let agreed = 0;
  for (const text of Object.values(golden.texts)) {
    const topIds = words(text.topIds);
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
  t.ok(tokens >= 1500, `${tokens} teacher-forced tokens`);
  t.ok(divergence / tokens <= 0.01, `mean KL ${divergence / tokens}`);
  t.ok(agreed / tokens >= 0.94, `top-1 agreement ${agreed / tokens}`);
}

/**
 * KL(expected || actual) over the kept tokens and one bucket of all others: a lower bound of the whole, short of it by
 * what the others differ among themselves.
 */
function klOfHead(ids: Uint16Array, expected: Float64Array, expectedTail: number, actual: Float32Array): number {
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
  return new Uint16Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}
