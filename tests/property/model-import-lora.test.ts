import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { HALF_TO_FLOAT, toHalf } from '../../src/layouts/half-float.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import {
  peftTensors,
  readCompiled,
  TARGETS,
  type TargetPath,
  writeBase,
  writePeft,
} from '../unit/model-import/peft-fixture.js';
import { mutate, mutation } from './byte-mutations.js';

const PATHS = Object.keys(TARGETS) as TargetPath[];
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
      for (const [layer, compiled] of readCompiled(compiledFile).layers.entries()) {
        for (const target of PATHS) {
          const { rank, a, b } = compiled[target];
          if (rank !== (targets.includes(target) ? ranks[target] : 0)) throw new Error(`rank ${rank} of ${target}`);
          if (rank === 0) continue;
          const [inputs] = TARGETS[target];
          const name = `base_model.model.model.layers.${layer}.${target}.lora_`;
          tensors[`${name}A.weight`]!.values.forEach((value, at) => {
            if (a(Math.floor(at / inputs), at % inputs) !== value) throw new Error(`A of ${target}`);
          });
          const scale = alpha / (rooted ? Math.sqrt(rank) : rank);
          tensors[`${name}B.weight`]!.values.forEach((value, at) => {
            const expected = HALF_TO_FLOAT[toHalf(value * scale)];
            if (b(Math.floor(at / rank), at % rank) !== expected) throw new Error(`B of ${target}`);
          });
        }
      }
    }),
    { numRuns: 60 },
  );
  t.pass('all targets of all layers');
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
