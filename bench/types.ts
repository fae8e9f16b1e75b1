/**
 * A real model in every type of GGUF file: how far what the kernels make of it is from llama.cpp on the same file, how far both are
 * from the same weights with float activations, and what a step reads of it. The files come from tests/parity/make-types.py, in the folder that SWITCHYARD_TYPES names.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openGguf } from '../src/model-import/gguf/split.js';
import { importDecoder } from '../src/model-import/import-decoder.js';
import { type Divergence, divergenceOf, type Logits, readLogits } from '../tests/parity/divergence.js';
import { loadRunner, logitsOfAll } from '../tests/parity/load-runner.js';
import type { BenchOptions } from './main.js';

const [TOKENS, QUICK_TOKENS] = [1500, 300];
/** Of the distance to float activations, 2 and 3 bits apart; it is to be no larger than llama.cpp's either. */
const [MOST_KL, MOST_KL_OF_FEW_BITS] = [0.01, 0.02];
/** Bytes that a step reads by those of the file. */
const MOST_BYTES = 1.15;

export default async function benchTypes({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const folder = process.env.SWITCHYARD_TYPES;
  if (folder === undefined) throw new Error('SWITCHYARD_TYPES names the folder of tests/parity/make-types.py');
  const figures: Record<string, number> = {};
  const missed: string[] = [];
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
      const logitsOf = async (tokens: number[], start: number) => logitsOfAll(runner, tokens, { start });
      const distanceTo = (logits: Logits) => divergenceOf(logits, quick ? QUICK_TOKENS : TOKENS, logitsOf);
      const { tokens, meanKl, agreed } = await distanceTo(readLogits(path.join(folder, `${type}.json.gz`)));
      const floats = readLogits(path.join(folder, `${type}.float.json.gz`)) as Logits & { readonly peer: Divergence };
      const toFloats = await distanceTo(floats);
      const read = statSync(path.join(modelDir, 'kernels.onnx.data')).size;
      const stored = bytesRead(source);
      figures[`${type}_kl`] = Number(meanKl.toFixed(5));
      figures[`${type}_top_1`] = Number(agreed.toFixed(4));
      figures[`${type}_float_kl`] = Number(toFloats.meanKl.toFixed(5));
      figures[`${type}_peer_float_kl`] = Number(floats.peer.meanKl.toFixed(5));
      figures[`${type}_bytes`] = Number((read / stored).toFixed(3));
      const bar = Math.min(/^I?Q[23]/.test(type) ? MOST_KL_OF_FEW_BITS : MOST_KL, floats.peer.meanKl);
      if (toFloats.meanKl > bar) missed.push(`${type} is ${toFloats.meanKl} from float activations, ${bar} at most`);
      if (read > MOST_BYTES * stored) missed.push(`${type} reads ${read} bytes of ${stored}`);
      say(
        `${type.padEnd(8)} ${tokens} tokens  mean KL ${meanKl.toFixed(4)}  top-1 ${(100 * agreed).toFixed(1)} %  to float activations ${toFloats.meanKl.toFixed(4)} (${(100 * toFloats.agreed).toFixed(1)} %), llama.cpp ${floats.peer.meanKl.toFixed(4)} (${(100 * floats.peer.agreed).toFixed(1)} %)  a step reads ${(read / 1e6).toFixed(1)} of ${(stored / 1e6).toFixed(1)} MB (${(read / stored).toFixed(2)})  import ${importS.toFixed(0)} s  ${JSON.stringify(representation)}`,
      );
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  if (missed.length > 0) throw new Error(`Bars missed: ${missed.join('; ')}`);
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
