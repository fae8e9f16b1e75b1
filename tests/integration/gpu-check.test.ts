/**
 * scripts/gpu-check.sh from packing to its table, with a tiny model, on a machine without an NVIDIA GPU: the CPU is asked by the code that asks
 * a GPU, and WebGPU on a software renderer.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { importDecoder } from '../../src/model-import/import-decoder.js';
import { provideVulkan } from '../fixtures/engine/vulkan.js';
import { type TinyCase, writeTinyFolder } from '../parity/tiny-weights.js';

const MOST_BYTES = 60e6;
const EXIT = { notWhole: 2, noGpu: 3 };
const hasGpu = existsSync('/dev/nvidia0') && 'this machine has a GPU, which takes minutes: run the script itself';

t.test('what is packed in parts runs elsewhere, and says plainly that there is no GPU', { skip: hasGpu }, async (t) => {
  const scratch = t.testdir({ source: {}, vulkan: {} });
  const [source, model, folder] = ['source', 'model', 'parts'].map((name) => path.join(scratch, name)) as [
    string,
    string,
    string,
  ];
  const { cases } = JSON.parse(gunzipSync(readFileSync('tests/parity/goldens/architectures.json.gz')).toString());
  writeTinyFolder(source, cases['llama, tied'] as TinyCase);
  await importDecoder(source, model, { id: 'tiny' });
  const noVulkan = provideVulkan(path.join(scratch, 'vulkan'));
  const loader = path.dirname(process.env.VK_ICD_FILENAMES ?? '');
  const call = (command: string, ...args: string[]) =>
    spawnSync('bash', [command, ...args], { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: loader } });

  const packed = call('scripts/gpu-check.sh', 'pack', folder, model, '--no-cuda');
  t.equal(packed.status, 0, packed.stderr);
  const parts = readdirSync(folder).filter((name) => name.includes('.tar.gz.'));
  t.ok(parts.length > 0);
  for (const part of parts)
    t.ok(statSync(path.join(folder, part)).size <= MOST_BYTES, `${part} is no larger than 60 MB`);
  const run = () => call(path.join(folder, 'gpu-check.sh'), 'run', folder, '--quick');
  const ran = run();
  t.equal(ran.status, EXIT.noGpu, ran.stderr);
  const { gpu, outcomes } = JSON.parse(readFileSync(path.join(folder, 'result.json'), 'utf8'));
  t.equal(gpu, null);
  t.match(ran.stdout, 'tiny on no NVIDIA GPU');
  t.match(outcomes.cuda, { failed: 'no NVIDIA GPU here' });
  const asked = noVulkan === null ? (['cpu', 'webgpu'] as const) : (['cpu'] as const);
  for (const device of asked) {
    const { text, adapters, tokensPerS, promptTokensPerS } = outcomes[device];
    t.equal(text.tokens, 64);
    // The software renderer's attention over 32 tokens and more is wrong (docs/gpu.md).
    if (device === 'cpu') t.ok(text.meanKl > 0 && text.meanKl < 1e-3 && text.agreed > 0.9, JSON.stringify(text));
    t.ok(adapters.tokens === 8 + 8 * 16 && adapters.meanKl < 0.05, `${device}: ${JSON.stringify(adapters)}`);
    t.same(Object.keys(tokensPerS), ['1', '8', '32']);
    t.ok([...Object.values<number>(tokensPerS), promptTokensPerS].every((speed) => speed > 0));
  }
  t.match(readFileSync(path.join(folder, 'result.md'), 'utf8'), /^\| device .*\n.*\n\| cpu \| [\d.e-]+, [\d.]+ % \|/);

  appendFileSync(path.join(folder, parts[0]!), 'x');
  const damaged = run();
  t.equal(damaged.status, EXIT.notWhole);
  t.match(damaged.stderr, new RegExp(`${parts[0]}: FAILED[\\s\\S]*check: parts are missing or damaged`));
  rmSync(path.join(folder, parts[0]!));
  t.equal(run().status, EXIT.notWhole, 'nor without a part');
  mkdirSync(path.join(scratch, 'empty'));
  t.match(call('scripts/gpu-check.sh', 'pack', folder, path.join(scratch, 'empty')), {
    status: 2,
    stderr: /holds no imported model/,
  });
});
