import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DecoderShape, ModelManifest } from '../../../src/contracts/model-manifest.js';
import { IMPORTER_VERSION } from '../../../src/model-import/manifest.js';
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
    format: 'switchyard-decoder-1',
    id: 'tiny',
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
