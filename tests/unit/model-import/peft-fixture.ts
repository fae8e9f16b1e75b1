import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AdapterFileHeader } from '../../../src/contracts/adapter.js';
import type { DecoderShape, LoraTarget, ModelManifest } from '../../../src/contracts/model-manifest.js';
import { HALF_TO_FLOAT } from '../../../src/layouts/half-float.js';
import { IMPORTER_VERSION } from '../../../src/layouts/manifest.js';
import { type FloatTensor, writeSafetensors } from './write-safetensors.js';

export const SHAPE: DecoderShape = {
  layers: 2,
  hiddenSize: 64,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  mlpSize: 96,
  vocabSize: 96,
  maxPositions: 64,
};

/** Inputs and outputs of every target in SHAPE, under PEFT's paths. */
export const TARGETS = {
  'self_attn.q_proj': [64, 64],
  'self_attn.k_proj': [64, 32],
  'self_attn.v_proj': [64, 32],
  'self_attn.o_proj': [64, 64],
  'mlp.gate_proj': [64, 96],
  'mlp.up_proj': [64, 96],
  'mlp.down_proj': [96, 64],
} as const;

export type TargetPath = keyof typeof TARGETS;

/** A folder with just the manifest of a base model of SHAPE. */
export function writeBase(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const manifest: Partial<ModelManifest> = {
    format: 'switchyard-decoder-2',
    id: 'tiny',
    names: ['Owner/Tiny-Model-2.0'],
    baseDigest: 'b'.repeat(64),
    shape: SHAPE,
    importer: { version: IMPORTER_VERSION, createdAt: '2026-11-24T00:00:00.000Z' },
  };
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}

export interface PeftFolder {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly targets?: readonly TargetPath[];
  readonly rankOf?: (layer: number, target: TargetPath) => number;
  /** Changes the tensors before they are written. */
  readonly change?: (tensors: Record<string, FloatTensor>) => void;
  readonly dtype?: 'F32' | 'F16' | 'BF16';
}

/** Small numbers that a half and a bfloat16 hold exactly. */
const valueAt = (seed: number, index: number): number => (((seed * 31 + index * 7) % 63) - 31) / 64;

export function peftTensors({ targets = Object.keys(TARGETS) as TargetPath[], rankOf = () => 4 }: PeftFolder = {}) {
  const tensors: Record<string, FloatTensor> = {};
  let seed = 0;
  for (let layer = 0; layer < SHAPE.layers; layer++) {
    for (const target of targets) {
      const [inputs, outputs] = TARGETS[target];
      const rank = rankOf(layer, target);
      for (const [half, shape] of [
        ['A', [rank, inputs]],
        ['B', [outputs, rank]],
      ] as const) {
        seed += 1;
        const own = seed;
        const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, index) => valueAt(own, index));
        tensors[`base_model.model.model.layers.${layer}.${target}.lora_${half}.weight`] = { shape, values };
      }
    }
  }
  return tensors;
}

export function writePeft(folder: string, peft: PeftFolder = {}): string {
  mkdirSync(folder, { recursive: true });
  const tensors = peftTensors(peft);
  peft.change?.(tensors);
  const config = { peft_type: 'LORA', task_type: 'CAUSAL_LM', r: 4, lora_alpha: 8, bias: 'none', ...peft.config };
  writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify(config));
  writeSafetensors(path.join(folder, 'adapter_model.safetensors'), tensors, peft.dtype);
  return folder;
}

/** A target of a layer in a compiled adapter: its element (r, k) of A and (n, r) of B, the scale in it. */
export interface CompiledTarget {
  readonly rank: number;
  readonly a: (r: number, k: number) => number;
  readonly b: (n: number, r: number) => number;
}

/** Reads a compiled adapter of SHAPE as `contracts/adapter.ts` describes it. */
export function readCompiled(file: string) {
  const bytes = readFileSync(file);
  const payloadStart = 12 + bytes.readUInt32LE(8);
  const header = JSON.parse(bytes.toString('utf8', 12, payloadStart)) as AdapterFileHeader;
  if (bytes.length !== payloadStart + header.payloadBytes) throw new Error('the payload is not what the header says');
  let next = payloadStart;
  const panels = (rank: number, columns: number) => {
    const start = next;
    next += 2 * rank * columns;
    return (row: number, column: number) => {
      const half = (Math.floor(column / 16) * rank + row) * 16 + (column % 16);
      return HALF_TO_FLOAT[bytes.readUInt16LE(start + 2 * half)]!;
    };
  };
  const layers = Array.from({ length: header.layers }, () => {
    const entries = Object.entries(TARGETS).map(([target, [inputs, outputs]]): [string, CompiledTarget] => {
      const rank = header.ranks[nameOf(target as TargetPath)];
      const a = panels(rank, inputs);
      const b = panels(rank, outputs);
      return [target, { rank, a, b: (n, r) => b(r, n) }];
    });
    return Object.fromEntries(entries) as Record<TargetPath, CompiledTarget>;
  });
  if (next !== bytes.length) throw new Error('the ranks do not account for the payload');
  return { header, payloadStart, layers };
}

/** `self_attn.q_proj` is `q_proj` in the compiled form. */
function nameOf(target: TargetPath): LoraTarget {
  return target.split('.')[1] as LoraTarget;
}
