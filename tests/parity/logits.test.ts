import { readFileSync } from 'node:fs';
import path from 'node:path';
import t, { type Test } from 'tap';
import { type Divergence, divergenceOf, readLogits } from './divergence.js';
import { loadRunner, logitsOfAll } from './load-runner.js';
import { DecoderRun } from './run-decoder.js';

const POSITIONS = 1024;

/** What agreement on the likeliest token is asked of each; the smaller model is surer of nothing. */
const MODELS = { 'smollm2-135m-instruct': 0.94, 'qwen2.5-coder-0.5b-instruct': 0.95 };
/** The operators that nobody should need take five times as long: of them fewer tokens are asked. */
const [KERNEL_TOKENS, STOCK_TOKENS] = [1500, 512];

for (const [model, agreement] of Object.entries(MODELS)) {
  const modelDir = path.resolve('.switchyard/models', model);
  const golden = readLogits(path.resolve('tests/parity/goldens/logits', `${model}.json.gz`));

  t.test(`${model}: stock operators predict what llama.cpp predicts from the same file`, async (t) => {
    const run = await DecoderRun.load(modelDir, 1, POSITIONS);
    t.teardown(() => run.release());
    t.equal(run.manifest.baseDigest, golden.model, 'the goldens are of the imported file');
    const logitsOf = (tokens: number[], past: number) => run.step([{ slot: 0, past, tokens }]);
    judge(t, await divergenceOf(golden, STOCK_TOKENS, logitsOf), { agreement, atLeast: STOCK_TOKENS });
  });

  t.test(`${model}: our kernels predict what llama.cpp predicts from the same file`, async (t) => {
    const runner = loadRunner(modelDir);
    const { baseDigest } = JSON.parse(readFileSync(path.join(modelDir, 'manifest.json'), 'utf8'));
    t.equal(baseDigest, golden.model, 'the goldens are of the imported file');
    const logitsOf = async (tokens: number[], start: number) => logitsOfAll(runner, tokens, { start });
    judge(t, await divergenceOf(golden, KERNEL_TOKENS, logitsOf), { agreement, atLeast: KERNEL_TOKENS });
  });
}

function judge(
  t: Test,
  { tokens, meanKl, agreed }: Divergence,
  { agreement, atLeast }: { readonly agreement: number; readonly atLeast: number },
): void {
  t.comment(`${tokens} tokens, mean KL ${meanKl.toFixed(5)}, top-1 ${(100 * agreed).toFixed(2)} %`);
  t.ok(tokens >= atLeast, `${tokens} teacher-forced tokens`);
  t.ok(meanKl <= 0.01, `mean KL ${meanKl}`);
  t.ok(agreed >= agreement, `top-1 agreement ${agreed}`);
}
