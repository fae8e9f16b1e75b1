import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { readAdapter } from '../../src/layouts/read-adapter.js';
import { importDecoder } from '../../src/model-import/import-decoder.js';
import { everyTarget, writeAdapter } from '../fixtures/engine/adapters.js';
import { type BlockForm, formNamed } from '../unit/model-import/block-forms.js';
import { writeGguf } from '../unit/model-import/write-gguf.js';
import type { FloatTensor } from '../unit/model-import/write-safetensors.js';
import { useFloatActivations } from './float-activations.js';
import { loadRunner, logitsOfAll } from './load-runner.js';
import { relativeRms } from './relative-rms.js';
import { DecoderRun } from './run-decoder.js';
import {
  type TinyCase,
  tinyGgufTensors,
  tinyMetadata,
  tinyWeights,
  writeTinyFolder,
  writeTinyGguf,
} from './tiny-weights.js';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { ids: number[]; cases: Record<string, TinyCase & { logits: string }> };

/** Where JavaScript has a Float16Array, onnxruntime-node 1.30 wants one and cannot read it. The engine does not go through it. */
const BINDING_HAS_HALVES = !('Float16Array' in globalThis);

for (const [name, tiny] of Object.entries(golden.cases)) {
  t.test(`${name}: folder and GGUF file give the logits of transformers`, async (t) => {
    const scratch = t.testdir();
    const folder = path.join(scratch, 'folder');
    const gguf = path.join(scratch, 'tiny.gguf');
    writeTinyFolder(folder, tiny);
    writeTinyGguf(gguf, tiny);
    const expected = new Float32Array(new Uint8Array(Buffer.from(tiny.logits, 'base64')).buffer);
    for (const source of [folder, gguf]) {
      const imported = path.join(scratch, `imported-${path.basename(source)}`);
      await importDecoder(source, imported, { id: 'tiny' });
      useFloatActivations(imported);
      const run = await DecoderRun.load(imported, 3, 64);
      const logits = await run.step([{ slot: 0, past: 0, tokens: golden.ids }]);
      const worst = largestDifference(logits, expected);
      t.ok(worst < 1e-4, `${path.basename(source)} in one piece: largest difference ${worst}`);

      // Prefill in chunks, then decode rows of different lengths together.
      const width = expected.length / golden.ids.length;
      const lengths = [9, 30, 47];
      for (const [slot, length] of lengths.entries()) {
        const half = length >> 1;
        await run.step([{ slot, past: 0, tokens: golden.ids.slice(0, half) }]);
        await run.step([{ slot, past: half, tokens: golden.ids.slice(half, length) }]);
      }
      const rows = lengths.map((past, slot) => ({ slot, past, tokens: [golden.ids[past]!] }));
      const decoded = await run.step(rows);
      const wanted = Float32Array.from(lengths.flatMap((at) => [...expected.subarray(at * width, (at + 1) * width)]));
      const worstDecoded = largestDifference(decoded, wanted);
      t.ok(worstDecoded < 1e-4, `${path.basename(source)} decoded: largest difference ${worstDecoded}`);
      await run.release();

      if (BINDING_HAS_HALVES) {
        const halfRun = await DecoderRun.load(imported, 1, 64, 'half');
        const first = await halfRun.step([{ slot: 0, past: 0, tokens: golden.ids.slice(0, 30) }]);
        const rest = await halfRun.step([{ slot: 0, past: 30, tokens: golden.ids.slice(30) }]);
        const near = relativeRms(Float32Array.of(...first, ...rest), expected);
        t.ok(near < 3e-3, `${path.basename(source)} with attention in half precision: relative rms ${near}`);
        await halfRun.release();
      }

      // 8-bit activations are part of the kernels: what stock operators give with theirs is as near as can be asked.
      const kernels = loadRunner(imported);
      const close = relativeRms(logitsOfAll(kernels, golden.ids), expected);
      t.ok(close < 0.03, `${path.basename(source)} with our kernels: relative rms ${close}`);

      if (source !== gguf) continue;
      const adapter = await readAdapter(
        writeAdapter(scratch, run.manifest, { seed: 1, ranks: everyTarget(12) }),
        run.manifest,
      );
      const [adapted, stock] = [kernels, loadRunner(imported, null)].map((runner) => {
        runner.writeAdapter(1, adapter);
        return logitsOfAll(runner, golden.ids, { adapterSlot: 1 });
      }) as [Float32Array, Float32Array];
      t.ok(relativeRms(adapted, expected) > 0.2, 'an adapter changes what it says');
      const alike = relativeRms(adapted, stock);
      t.ok(alike < 0.05, `with an adapter our kernels are ${alike} from stock operators`);
    }
  });
}

/** Neighbours of one site in different forms, as files hold them that spend their bits where they matter. */
const MIXED = /attn_[qk]|ffn_up/;

t.test('a GGUF file gives the same logits whichever form holds its values, with either graph', async (t) => {
  const tiny = golden.cases['llama, tied']!;
  const scratch = t.testdir();
  const logitsOf = async (form: BlockForm['name'] | 'mixed', weights: Record<string, FloatTensor>) => {
    const file = path.join(scratch, `${form}.gguf`);
    const imported = path.join(scratch, form);
    const [most, some] = form === 'mixed' ? (['Q8_0', 'Q4_1'] as const) : [form, form];
    const others = tinyGgufTensors(tiny, formNamed(some), weights);
    const tensors = tinyGgufTensors(tiny, formNamed(most), weights).map((tensor, i) =>
      MIXED.test(tensor.name) ? others[i]! : tensor,
    );
    writeGguf(file, tinyMetadata(tiny), tensors);
    const manifest = await importDecoder(file, imported, { id: 'tiny' });
    useFloatActivations(imported);
    const run = await DecoderRun.load(imported, 1, 64);
    const logits = await run.step([{ slot: 0, past: 0, tokens: golden.ids }]);
    await run.release();
    const runner = loadRunner(imported);
    const kernels = logitsOfAll(runner, golden.ids);
    const adapter = await readAdapter(writeAdapter(scratch, manifest, { seed: 1, ranks: everyTarget(12) }), manifest);
    const [adapted, stock] = [runner, loadRunner(imported, null)].map((each) => {
      each.writeAdapter(1, adapter);
      return logitsOfAll(each, golden.ids, { adapterSlot: 1 });
    }) as [Float32Array, Float32Array];
    return { logits, kernels, adapted, stock, representation: manifest.representation };
  };
  // All values on the sixteen levels from -113 to 127, which every form below holds exactly.
  const weights = tinyWeights(tiny);
  for (const { shape, values } of Object.values(weights)) {
    if (shape.length === 2) values.set(values.map((value, i) => (levelOf(i, value * 512) * 16 - 113) / 512));
  }
  const { logits: expected } = await logitsOf('F32', weights);
  for (const form of ['F16', 'BF16', 'Q8_0', 'Q4_1', 'mixed'] as const) {
    const { logits, kernels, adapted, stock, representation } = await logitsOf(form, weights);
    const worst = largestDifference(logits, expected);
    t.ok(worst < 1e-4, `${form}: largest difference ${worst}`);
    const close = relativeRms(kernels, expected);
    t.ok(close < 0.03, `${form} with our kernels: relative rms ${close}`);
    // The values of the mixed file are a linear of their own over the same adapters.
    t.ok(relativeRms(adapted, expected) > 0.2, `${form}: an adapter changes what it says`);
    const alike = relativeRms(adapted, stock);
    t.ok(alike < 0.05, `${form}: with an adapter our kernels are ${alike} from stock operators`);
    const written = {
      F16: 'q8-block32',
      BF16: 'q8-block32',
      Q8_0: 'q8_0-exact',
      Q4_1: 'q4_1-exact',
      mixed: 'q8_0-exact',
    }[form];
    const qkv = form === 'mixed' ? 'q4_1-exact+q8_0-exact' : written;
    t.match(representation, { embedding: written, qkv, down: written });
  }
});

/** Nearest level of a step; each block has the lowest and the highest, which are what a Q4_1 block starts from. */
function levelOf(index: number, step: number): number {
  if (index % 32 === 0) return 15;
  return index % 32 === 1 ? 0 : Math.max(0, Math.round((step + 113) / 16));
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}
