import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { AdapterFileHeader } from '../../src/contracts/adapter.js';
import { AppError } from '../../src/errors/app-error.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import {
  peftTensors,
  SHAPE,
  TARGETS,
  type TargetPath,
  writeBase,
  writePeft,
} from '../unit/model-import/peft-fixture.js';
import { mutate, mutation } from './byte-mutations.js';

const PATHS = Object.keys(TARGETS) as TargetPath[];
const SITES = {
  qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  o: ['self_attn.o_proj'],
  gu: ['mlp.gate_proj', 'mlp.up_proj'],
  down: ['mlp.down_proj'],
} as const satisfies Record<string, readonly TargetPath[]>;

const adapters = fc.record({
  targets: fc.subarray(PATHS, { minLength: 1 }),
  ranks: fc.record(Object.fromEntries(PATHS.map((target) => [target, fc.integer({ min: 1, max: 6 })]))),
  alpha: fc.integer({ min: 1, max: 32 }),
  rooted: fc.boolean(),
  dtype: fc.constantFrom('F32' as const, 'F16' as const, 'BF16' as const),
});

t.test('the compiled form of any adapter is the update that PEFT computes', async (t) => {
  const folder = t.testdir();
  const compiler = createAdapterCompiler({
    modelDir: writeBase(path.join(folder, 'base')),
    dataDir: path.join(folder, 'data'),
    maxRank: 8,
  });
  await fc.assert(
    fc.asyncProperty(adapters, async ({ targets, ranks, alpha, rooted, dtype }) => {
      const rankOf = (_layer: number, target: TargetPath) => ranks[target]!;
      const patterns = Object.fromEntries(targets.map((target) => [target.replace('.', '\\.'), ranks[target]!]));
      const source = writePeft(path.join(folder, 'peft'), {
        targets,
        rankOf,
        dtype,
        config: { lora_alpha: alpha, use_rslora: rooted, rank_pattern: patterns },
      });
      const { compiledFile } = await compiler.compile(source);
      const tensors = peftTensors({ targets, rankOf });
      const take = payloadReader(compiledFile);
      for (let layer = 0; layer < SHAPE.layers; layer++) {
        for (const members of Object.values(SITES)) {
          const inputs = TARGETS[members[0]][0];
          const outputs = members.reduce((sum, target) => sum + TARGETS[target][1], 0);
          const adapted = members.filter((target) => targets.includes(target));
          const rank = adapted.reduce((sum, target) => sum + ranks[target]!, 0);
          const a = take(rank * inputs);
          const b = take(rank * outputs);
          let firstRank = 0;
          let firstOutput = 0;
          const expectedB = new Float32Array(rank * outputs);
          for (const target of members) {
            const width = TARGETS[target][1];
            if (adapted.includes(target)) {
              const r = ranks[target]!;
              const name = `base_model.model.model.layers.${layer}.${target}.lora_`;
              const scale = alpha / (rooted ? Math.sqrt(r) : r);
              const part = a.subarray(firstRank * inputs, (firstRank + r) * inputs);
              if (!same(part, tensors[`${name}A.weight`]!.values)) throw new Error(`A of ${target}`);
              tensors[`${name}B.weight`]!.values.forEach((value, at) => {
                expectedB[(firstRank + (at % r)) * outputs + firstOutput + Math.floor(at / r)] = value * scale;
              });
              firstRank += r;
            }
            firstOutput += width;
          }
          if (!same(b, expectedB)) throw new Error(`B of ${members.join()}`);
        }
      }
    }),
    { numRuns: 60 },
  );
  t.pass('all sites of all layers');
});

t.test('a damaged adapter is compiled or refused, never more', async (t) => {
  const folder = t.testdir();
  const source = writePeft(path.join(folder, 'peft'));
  const dataDir = path.join(folder, 'data');
  const compiler = createAdapterCompiler({ modelDir: writeBase(path.join(folder, 'base')), dataDir, maxRank: 8 });
  const file = path.join(source, 'adapter_model.safetensors');
  const sound = readFileSync(file);
  const header = 8 + Number(sound.readBigUInt64LE());
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(mutation(header, sound.length), { minLength: 1, maxLength: 3 }), async (mutations) => {
      writeFileSync(file, mutate(sound, mutations));
      try {
        await compiler.compile(source);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'adapter_invalid') throw error;
        refused += 1;
      }
    }),
    { numRuns: 150 },
  );
  t.ok(refused > 50, `${refused} of 150 were refused`);
});

function payloadReader(file: string): (length: number) => Float32Array {
  const bytes = readFileSync(file);
  const start = 12 + bytes.readUInt32LE(8);
  const { payloadBytes } = JSON.parse(bytes.toString('utf8', 12, start)) as AdapterFileHeader;
  if (bytes.length !== start + payloadBytes) throw new Error('the payload is not what the header says');
  const payload = new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
  let at = 0;
  return (length) => payload.subarray(at, (at += length));
}

function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
