import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { createAdapterCompiler } from '../../../src/model-import/lora/compiler.js';
import { modulePattern } from '../../../src/model-import/lora/module-pattern.js';
import { namedPipe } from '../../fixtures/files/named-pipe.js';
import {
  type CompiledTarget,
  type PeftFolder,
  peftTensors,
  readCompiled,
  SHAPE,
  TARGETS,
  type TargetPath,
  writeBase,
  writePeft,
} from './peft-fixture.js';

function setUp(folder: string, peft: PeftFolder = {}) {
  const dataDir = path.join(folder, 'data');
  const compiler = createAdapterCompiler({ modelDir: writeBase(path.join(folder, 'base')), dataDir, maxRank: 8 });
  return { compiler, dataDir, source: writePeft(path.join(folder, 'peft'), peft) };
}

/** Product of B and A of a target, [outputs, inputs], from the compiled form. */
function compiledProduct({ rank, a, b }: CompiledTarget, target: TargetPath): number[] {
  const [inputs, outputs] = TARGETS[target];
  return product(outputs, inputs, rank, b, a);
}

function product(
  rows: number,
  columns: number,
  inner: number,
  left: (row: number, i: number) => number,
  right: (i: number, column: number) => number,
): number[] {
  return Array.from({ length: rows * columns }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < inner; i++) sum += left(Math.floor(at / columns), i) * right(i, at % columns);
    return sum;
  });
}

/** What PEFT adds to the weight of one target: scale · B · A. */
function peftProduct(peft: PeftFolder, layer: number, target: TargetPath, scale: number): number[] {
  const tensors = peftTensors(peft);
  const a = tensors[`base_model.model.model.layers.${layer}.${target}.lora_A.weight`]!;
  const b = tensors[`base_model.model.model.layers.${layer}.${target}.lora_B.weight`]!;
  const [rank, inputs] = a.shape as [number, number];
  const at = (n: number, r: number) => b.values[n * rank + r]! * scale;
  return product(TARGETS[target][1], inputs, rank, at, (r, k) => a.values[r * inputs + k]!);
}

t.test('a full adapter becomes an A and a B for each target of each layer, with the scale in B', async (t) => {
  const { compiler, dataDir, source } = setUp(t.testdir());
  const compiled = await compiler.compile(source);
  t.match(compiled, { rank: 4, baseDigest: 'b'.repeat(64), targets: { length: 7 } });
  t.equal(compiled.compiledFile, path.join(dataDir, 'adapters', compiled.digest, 'adapter.swa'));
  t.same(readdirSync(path.dirname(compiled.compiledFile)).sort(), [
    'adapter.swa',
    'adapter_config.json',
    'adapter_model.safetensors',
  ]);
  const { header, payloadStart, layers } = readCompiled(compiled.compiledFile);
  t.match(header, { format: 'switchyard-adapter-2', digest: compiled.digest, layers: SHAPE.layers });
  t.ok(Object.values(header.ranks).every((rank) => rank === 4));
  t.equal(payloadStart % 64, 0);
  for (const [layer, targets] of layers.entries()) {
    for (const target of Object.keys(TARGETS) as TargetPath[]) {
      t.same(
        compiledProduct(targets[target], target),
        peftProduct({}, layer, target, 2),
        `${target} of layer ${layer}`,
      );
    }
  }
});

t.test('patterns and rsLoRA decide rank and scale per layer; a target takes its largest rank', async (t) => {
  const peft: PeftFolder = {
    targets: ['self_attn.k_proj', 'mlp.up_proj'],
    rankOf: (layer, target) => (target === 'mlp.up_proj' ? 1 : layer === 0 ? 4 : 6),
    config: {
      target_modules: ['k_proj', 'up_proj'],
      use_rslora: true,
      rank_pattern: { 'layers\\.1\\.self_attn\\.k_proj': 6, up_proj: 1 },
      alpha_pattern: { '.*mlp.*': 3 },
    },
  };
  const { compiler, source } = setUp(t.testdir(), peft);
  const compiled = await compiler.compile(source);
  t.match(compiled, { rank: 6, targets: ['k_proj', 'up_proj'] });
  const { header, layers } = readCompiled(compiled.compiledFile);
  const others = { q_proj: 0, v_proj: 0, o_proj: 0, gate_proj: 0, down_proj: 0 };
  t.same(header.ranks, { ...others, k_proj: 6, up_proj: 1 });
  // The scale is folded into B, which is rounded to halves then.
  const isClose = (actual: number[], expected: number[]) =>
    actual.length === expected.length && actual.every((value, i) => Math.abs(value - expected[i]!) < 2e-3);
  for (const [layer, targets] of layers.entries()) {
    const rank = layer === 0 ? 4 : 6;
    const k = peftProduct(peft, layer, 'self_attn.k_proj', 8 / Math.sqrt(rank));
    t.ok(isClose(compiledProduct(targets['self_attn.k_proj'], 'self_attn.k_proj'), k));
    const up = peftProduct(peft, layer, 'mlp.up_proj', 3);
    t.ok(isClose(compiledProduct(targets['mlp.up_proj'], 'mlp.up_proj'), up));
  }
});

t.test('a layer that is not adapted adds nothing', async (t) => {
  const config = { target_modules: ['q_proj'], layers_to_transform: [0] };
  const { compiler, source } = setUp(t.testdir(), {
    targets: ['self_attn.q_proj'],
    config,
    change(tensors) {
      for (const half of ['A', 'B']) {
        delete tensors[`base_model.model.model.layers.1.self_attn.q_proj.lora_${half}.weight`];
      }
    },
  });
  const { layers } = readCompiled((await compiler.compile(source)).compiledFile);
  const [first, second] = layers.map((targets) => compiledProduct(targets['self_attn.q_proj'], 'self_attn.q_proj'));
  t.ok(first!.some((value) => value !== 0));
  t.ok(second!.every((value) => value === 0));
});

t.test('values that half floats cannot hold are refused', async (t) => {
  const { compiler, source } = setUp(t.testdir(), { config: { lora_alpha: 8e6 } });
  await t.rejects(compiler.compile(source), {
    code: 'adapter_invalid',
    message: /lora_B\.weight holds .* half floats/,
  });
});

t.test('the digest is of what an adapter means, not of how it is stored', async (t) => {
  const digests = new Set<string>();
  for (const dtype of ['F32', 'F16', 'BF16'] as const) {
    const { compiler, source } = setUp(path.join(t.testdirName, dtype), { dtype });
    digests.add((await compiler.compile(source)).digest);
  }
  t.equal(digests.size, 1);
  const { compiler, source } = setUp(path.join(t.testdirName, 'scaled'), { config: { lora_alpha: 9 } });
  t.notOk(digests.has((await compiler.compile(source)).digest));
  rmSync(t.testdirName, { recursive: true });
});

t.test('compiling again leaves an intact file alone and replaces a damaged one', async (t) => {
  const { compiler, source } = setUp(t.testdir());
  const { compiledFile } = await compiler.compile(source);
  const content = readFileSync(compiledFile);
  await compiler.compile(source);
  writeFileSync(compiledFile, content.subarray(0, 100));
  await compiler.compile(source);
  t.ok(readFileSync(compiledFile).equals(content));
});

const REFUSED: Record<string, [PeftFolder, RegExp]> = {
  DoRA: [{ config: { use_dora: true } }, /use_dora is true/],
  'a magnitude vector': [
    {
      change: (tensors) => {
        const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector';
        tensors[name] = { shape: [64], values: new Float32Array(64) };
      },
    },
    /DoRA is not supported/,
  ],
  modules_to_save: [{ config: { modules_to_save: ['lm_head'] } }, /modules_to_save is \["lm_head"\]/],
  bias: [{ config: { bias: 'all' } }, /bias is all/],
  fan_in_fan_out: [{ config: { fan_in_fan_out: true } }, /fan_in_fan_out is true/],
  layer_replication: [{ config: { layer_replication: [[0, 1]] } }, /layer_replication/],
  'a key from the future': [{ config: { use_quantum: 1 } }, /use_quantum is 1/],
  'another method': [{ config: { peft_type: 'IA3' } }, /type is IA3/],
  'an altered base': [{ config: { init_lora_weights: 'pissa' } }, /pissa alters the base/],
  'an unknown target': [{ config: { target_modules: ['q_proj', 'lm_head'] } }, /targets lm_head/],
  'a listed target without weights': [
    { config: { target_modules: ['o_proj', 'q_proj'] }, targets: ['self_attn.q_proj'] },
    /lists o_proj/,
  ],
  'a rank over the limit': [
    { config: { r: 9 }, rankOf: () => 9 },
    /its rank is 9, at most 8 is accepted \(engine\.maxAdapterRank\)/,
  ],
  'a rank that is not the config’s': [{ config: { r: 5 } }, /has shape \[4, 64\], expected \[5, 64\]/],
  'an intricate pattern': [{ config: { rank_pattern: { '(a+)+b': 2 } } }, /too intricate/],
  'a scale that is no number': [{ config: { lora_alpha: 'big' } }, /lora_alpha is missing or not a number/],
  'another base': [
    {
      change: (tensors) => {
        const name = 'base_model.model.model.layers.1.mlp.down_proj.lora_B.weight';
        tensors[name] = { shape: [80, 4], values: new Float32Array(320) };
      },
    },
    /has shape \[80, 4\], expected \[64, 4\]/,
  ],
  'more layers than the base': [
    {
      change: (tensors) => {
        const values = tensors['base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight']!;
        tensors['base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight'] = values;
      },
    },
    /layers\.2\.self_attn\.q_proj\.lora_A\.weight, which this base has no place for/,
  ],
  'half of a pair': [
    {
      change: (tensors) => {
        delete tensors['base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight'];
      },
    },
    /only one of lora_A and lora_B/,
  ],
  'no weights': [{ targets: [] }, /holds no weights/],
  'a value that is not finite': [
    {
      change: (tensors) => {
        tensors['base_model.model.model.layers.1.mlp.up_proj.lora_B.weight']!.values[7] = Number.NaN;
      },
    },
    /up_proj\.lora_B\.weight holds values that are not finite/,
  ],
};

for (const [what, [peft, reason]] of Object.entries(REFUSED)) {
  t.test(`${what} is refused with the reason, and nothing is kept`, async (t) => {
    const { compiler, dataDir, source } = setUp(t.testdir(), peft);
    await t.rejects(compiler.compile(source), { code: 'adapter_invalid', params: { folder: source, reason } });
    t.notOk(existsSync(path.join(dataDir, 'adapters')));
  });
}

t.test('an adapter that names another base model is refused, unless told otherwise', async (t) => {
  const named = (name: string) => {
    const folder = path.join(t.testdirName, name.replaceAll(/\W/g, '_'));
    return setUp(folder, { config: { base_model_name_or_path: name } });
  };
  const { compiler, source } = named('someone/Other-1B');
  const reason =
    /base_model_name_or_path is someone\/Other-1B, and the base model here is tiny, Owner\/Tiny-Model-2\.0; .*anyBase/;
  await t.rejects(compiler.compile(source), { code: 'adapter_invalid', params: { reason } });
  t.match(await compiler.compile(source, true), { rank: 4 });
  for (const same of [
    'Tiny',
    '/models/tiny/',
    'unsloth/tiny-model-2.0-unsloth-bnb-4bit',
    'C:\\m\\tiny_model_2.0-Q4_K_M.gguf',
    '',
  ]) {
    const { compiler, source } = named(same);
    t.match(await compiler.compile(source), { rank: 4 }, same);
  }
  rmSync(t.testdirName, { recursive: true });
});

t.test('pickled weights are never loaded', async (t) => {
  const { compiler, source } = setUp(t.testdir());
  renameSync(path.join(source, 'adapter_model.safetensors'), path.join(source, 'adapter_model.bin'));
  await t.rejects(compiler.compile(source), { code: 'adapter_invalid', message: /pickled weights are never loaded/ });
});

t.test('a file larger than any adapter of the base is not even opened', async (t) => {
  const { compiler, source } = setUp(t.testdir());
  writeFileSync(path.join(source, 'adapter_model.safetensors'), Buffer.alloc(4 << 20));
  await t.rejects(compiler.compile(source), {
    code: 'adapter_invalid',
    message: /more than an adapter of rank 8 of this base/,
  });
});

t.test('a pattern matches the end of a module from a dot on, as in PEFT', async (t) => {
  const module = 'model.layers.12.self_attn.q_proj';
  for (const [pattern, matches] of [
    ['q_proj', true],
    ['self_attn.q_proj', true],
    ['.*\\.q_proj', true],
    ['layers\\.(1|12)\\.self_attn\\.(?:q|k)_proj', true],
    ['^model.layers.12.self_attn.q_proj', true],
    ['_proj', false],
    ['attn.q_proj', false],
    ['layers\\.[0-9]\\.self_attn\\.q_proj', false],
    ['q_pro', false],
  ] as const) {
    t.equal(modulePattern(pattern)?.(module), matches, pattern);
  }
  for (const pattern of ['(a|b)*c', '(?=a)b', '(a)\\1', 'a*b*c*d*e*', `${'a'.repeat(300)}`, 'a(', 'a{9}']) {
    t.equal(modulePattern(pattern), null, pattern);
  }
});

t.test('an adapter folder with a pipe in the place of a file is refused, and holds nobody up', async (t) => {
  for (const name of ['adapter_config.json', 'adapter_model.safetensors']) {
    const { compiler, source } = setUp(t.testdir());
    rmSync(path.join(source, name));
    namedPipe(path.join(source, name));
    await t.rejects(compiler.compile(source), { code: 'adapter_invalid', message: /is not a regular file/ }, name);
  }
});

t.test('an adapter configuration with a byte order mark is read', async (t) => {
  const { compiler, source } = setUp(t.testdir());
  const config = path.join(source, 'adapter_config.json');
  writeFileSync(config, `\ufeff${readFileSync(config, 'utf8')}`);
  t.match(await compiler.compile(source), { rank: 4 });
});
