/**
 * A real model in every type of GGUF file: how far what the kernels make of it is from llama.cpp on the same file, and what a
 * step reads of it. The files come from tests/parity/make-types.py, in the folder that SWITCHYARD_TYPES names.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openGguf } from '../src/model-import/gguf/split.js';
import { importDecoder } from '../src/model-import/import-decoder.js';
import { divergenceOf, readLogits } from '../tests/parity/divergence.js';
import { loadRunner, logitsOfAll } from '../tests/parity/load-runner.js';
import type { BenchOptions } from './main.js';

const [TOKENS, QUICK_TOKENS] = [1500, 300];

export default async function benchTypes({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const folder = process.env.SWITCHYARD_TYPES;
  if (folder === undefined) throw new Error('SWITCHYARD_TYPES names the folder of tests/parity/make-types.py');
  const figures: Record<string, number> = {};
  for (const file of readdirSync(folder)
    .filter((name) => /^I?Q.*\.gguf$/.test(name))
    .sort()) {
    const type = path.basename(file, '.gguf');
    const source = path.join(folder, file);
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'switchyard-types-'));
    try {
      const modelDir = path.join(scratch, 'model');
      const start = performance.now();
      const { representation } = await importDecoder(source, modelDir, { id: 'model' });
      const importS = (performance.now() - start) / 1000;
      const runner = loadRunner(modelDir);
      const logits = readLogits(path.join(folder, `${type}.json.gz`));
      const logitsOf = async (tokens: number[], start: number) => logitsOfAll(runner, tokens, { start });
      const { tokens, meanKl, agreed } = await divergenceOf(logits, quick ? QUICK_TOKENS : TOKENS, logitsOf);
      const read = statSync(path.join(modelDir, 'kernels.onnx.data')).size;
      const stored = bytesRead(source);
      figures[`${type}_kl`] = Number(meanKl.toFixed(5));
      figures[`${type}_top_1`] = Number(agreed.toFixed(4));
      figures[`${type}_bytes`] = Number((read / stored).toFixed(3));
      say(
        `${type.padEnd(8)} ${tokens} tokens  mean KL ${meanKl.toFixed(4)}  top-1 ${(100 * agreed).toFixed(1)} %  a step reads ${(read / 1e6).toFixed(1)} of ${(stored / 1e6).toFixed(1)} MB (${(read / stored).toFixed(2)})  import ${importS.toFixed(0)} s  ${JSON.stringify(representation)}`,
      );
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return figures;
}

/** The matrices of a file that each token is multiplied with. The embedding counts where it is the head, too. */
function bytesRead(source: string): number {
  const gguf = openGguf(source);
  const matrices = [...gguf.tensors.values()].filter(({ shape }) => shape.length === 2);
  const isTied = !gguf.tensors.has('output.weight');
  const read = matrices.filter(({ name }) => isTied || name !== 'token_embd.weight');
  gguf.close();
  return read.reduce((sum, { bytes }) => sum + bytes, 0);
}
