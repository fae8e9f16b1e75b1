/** Eight adapters of seeded noise, each as PEFT saves it and as llama.cpp reads it: the same numbers in both. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DecoderShape, LoraTarget, ModelManifest } from '../../src/contracts/model-manifest.js';
import { createRandom } from '../../src/engine/process/random.js';
import { toHalf } from '../../src/layouts/half-float.js';
import { ggufNameOf, hasGgufPairs } from '../../src/model-import/architectures/all.js';
import type { GgufTensorInput } from '../../src/model-import/gguf/writer.js';
import { writeGguf } from '../../tests/unit/model-import/write-gguf.js';
import { bytesOf, encodeHalves, type HalfTensor } from './safetensors.js';

export interface PeerAdapter {
  readonly name: string;
  readonly peftFolder: string;
  readonly ggufFile: string;
}

type Base = Pick<ModelManifest, 'architecture' | 'shape'>;

export const RANK = 8;
const STRENGTH = 1 / 32;
/** GGML's number of the type. */
const GGUF_F16 = 1;

interface Site {
  readonly target: LoraTarget;
  readonly module: string;
  readonly ggufName: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Heads whose rows llama.cpp keeps in another order; null where it has none. */
  readonly permutedHeads: number | null;
}

/** @param strength size of B: by default, answers differ from the base's and are still text */
export function writePeerAdapters(folder: string, base: Base, count: number, strength = STRENGTH): PeerAdapter[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `noise-${index + 1}`;
    const peftFolder = path.join(folder, name);
    const ggufFile = path.join(folder, `${name}.gguf`);
    mkdirSync(peftFolder, { recursive: true });
    writeAdapter(peftFolder, ggufFile, base, index + 1, strength);
    return { name, peftFolder, ggufFile };
  });
}

function writeAdapter(peftFolder: string, ggufFile: string, base: Base, seed: number, strength: number): void {
  const random = createRandom(seed);
  const noise = (rows: number, columns: number, scale: number): HalfTensor => {
    const bits = new Uint16Array(rows * columns);
    for (let i = 0; i < bits.length; i++) bits[i] = toHalf((random() * 2 - 1) * scale);
    return { shape: [rows, columns], bits };
  };
  const sites = sitesOf(base.shape, hasGgufPairs(base.architecture));
  const peft: Record<string, HalfTensor> = {};
  const gguf: GgufTensorInput[] = [];
  for (let layer = 0; layer < base.shape.layers; layer++) {
    for (const { module, target, ggufName, inputs, outputs, permutedHeads } of sites) {
      const a = noise(RANK, inputs, Math.sqrt(3 / inputs));
      const b = noise(outputs, RANK, strength);
      const name = `base_model.model.model.layers.${layer}.${module}.${target}`;
      peft[`${name}.lora_A.weight`] = a;
      peft[`${name}.lora_B.weight`] = b;
      gguf.push(toGguf(`blk.${layer}.${ggufName}.weight.lora_a`, a));
      gguf.push(toGguf(`blk.${layer}.${ggufName}.weight.lora_b`, permutedHeads ? permute(b, permutedHeads) : b));
    }
  }
  writeFileSync(path.join(peftFolder, 'adapter_model.safetensors'), encodeHalves('F16', peft));
  const target_modules = sites.map(({ target }) => target);
  // With alpha at the rank the scale is 1, which is also what llama.cpp takes where no alpha is given.
  const config = { peft_type: 'LORA', task_type: 'CAUSAL_LM', r: RANK, lora_alpha: RANK, target_modules, bias: 'none' };
  writeFileSync(path.join(peftFolder, 'adapter_config.json'), JSON.stringify(config));
  const metadata = {
    'general.type': 'adapter',
    'general.architecture': ggufNameOf(base.architecture),
    'adapter.type': 'lora',
  };
  writeGguf(ggufFile, metadata, gguf);
}

function sitesOf({ hiddenSize, heads, kvHeads, headDim, mlpSize }: DecoderShape, hasPairs: boolean): Site[] {
  const attention = (target: LoraTarget, ggufName: string, inputs: number, outputs: number, permuted: number | null) =>
    ({ target, module: 'self_attn', ggufName, inputs, outputs, permutedHeads: permuted }) as const;
  const mlp = (target: LoraTarget, ggufName: string, inputs: number, outputs: number) =>
    ({ target, module: 'mlp', ggufName, inputs, outputs, permutedHeads: null }) as const;
  return [
    attention('q_proj', 'attn_q', hiddenSize, heads * headDim, hasPairs ? heads : null),
    attention('k_proj', 'attn_k', hiddenSize, kvHeads * headDim, hasPairs ? kvHeads : null),
    attention('v_proj', 'attn_v', hiddenSize, kvHeads * headDim, null),
    attention('o_proj', 'attn_output', heads * headDim, hiddenSize, null),
    mlp('gate_proj', 'ffn_gate', hiddenSize, mlpSize),
    mlp('up_proj', 'ffn_up', hiddenSize, mlpSize),
    mlp('down_proj', 'ffn_down', mlpSize, hiddenSize),
  ];
}

/** Row 2j + s of a head in llama.cpp's order is Hugging Face's row s * headDim/2 + j. */
function permute({ shape: [rows, columns], bits }: HalfTensor, heads: number): HalfTensor {
  const headDim = rows! / heads;
  const permuted = new Uint16Array(bits.length);
  for (let row = 0; row < rows!; row++) {
    const inHead = row % headDim;
    const from = row - inHead + (inHead % 2) * (headDim / 2) + (inHead >> 1);
    permuted.set(bits.subarray(from * columns!, (from + 1) * columns!), row * columns!);
  }
  return { shape: [rows!, columns!], bits: permuted };
}

function toGguf(name: string, tensor: HalfTensor): GgufTensorInput {
  return { name, type: GGUF_F16, shape: tensor.shape, bytes: bytesOf(tensor) };
}
