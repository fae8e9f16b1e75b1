/**
 * docs/guides/your-own-model.md as it is written, in a fresh clone on a bare machine, with real weights: Qwen2.5-Coder-0.5B in Q4_K_M,
 * SmolLM2-135M as a folder with safetensors, and an adapter that was trained for it, in rank 32.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeDequantizedModel } from '../../bench/peers/dequantized-model.js';
import { fetchModelFile } from '../../bench/peers/model-file.js';
import { loadConfig } from '../../src/config/load.js';
import type { ModelManifest } from '../../src/contracts/model-manifest.js';
import { MODELS } from '../integration/gateway-process.js';
import { commandsOf } from '../integration/tour.js';
import { encodeSafetensors } from '../unit/model-import/write-safetensors.js';
import { installDebian, ROOT, run, start, until } from './tools.js';

const PAGE = 'docs/guides/your-own-model.md';
const MACHINE = join(ROOT, '.switchyard/bare-machine');
const CLONE = '/root/switchyard';
const URL = 'http://127.0.0.1:18092';
const RANK = 32;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const ENVIRONMENT = [
  ...[
    'HOME=/root',
    'LC_ALL=C.UTF-8',
    'PORT=18092',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'PIP_CERT'].map((name) => `${name}=${CERTIFICATES}`),
];

const say = (line: string) => t.comment(line);
/** What `unshare` is given, so that a command runs in the machine; its address is that of this test. */
function inside(command: string, folder = CLONE): string[] {
  const here = command
    .replaceAll('http://127.0.0.1:8080', URL)
    .replaceAll('npx switchyard', `npx --no-install switchyard --url ${URL}`);
  const own = ['--mount', '--pid', '--fork', '--kill-child', `--mount-proc=${MACHINE}/proc`];
  return [
    ...own,
    'chroot',
    MACHINE,
    'env',
    '-i',
    ...ENVIRONMENT,
    'bash',
    '--norc',
    '-euo',
    'pipefail',
    '-c',
    `cd ${folder}; ${here}`,
  ];
}
const shell = (command: string, folder?: string) => run('unshare', inside(command, folder));
const part = (heading: string) => commandsOf(PAGE, heading)[0]!;

async function modelFile(base: string): Promise<string> {
  return fetchModelFile(loadConfig({ env: { ...process.env, SWITCHYARD_MODELS_BASE: base } }), say);
}

t.test('the guide to a model of one own, on a bare machine', async (t) => {
  installDebian({ debootstrap: 'debootstrap', unshare: 'util-linux' });
  run('bash', ['tests/deploy/debian-root.sh', MACHINE]);
  if (!existsSync(join(MACHINE, 'usr/bin/c++'))) {
    const packages = 'build-essential python3 python3-pip git curl';
    shell(
      `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${packages}`,
      '/',
    );
  }
  const home = join(MACHINE, 'root');
  run('rm', ['-rf', join(home, 'switchyard'), join(home, 'Downloads')]);
  run('git', ['clone', '-q', ROOT, join(home, 'switchyard')]);
  const downloads = join(home, 'Downloads');
  mkdirSync(downloads);
  cpSync(await modelFile('qwen2.5-coder-0.5b-instruct'), join(downloads, 'My-Model-Q4_K_M.gguf'));
  const small = join(MODELS, 'smollm2-135m-instruct');
  const manifest = JSON.parse(readFileSync(join(small, 'manifest.json'), 'utf8')) as ModelManifest;
  const source = await modelFile('smollm2-135m-instruct');
  writeDequantizedModel({ modelFile: source, modelDir: small, manifest, say }, join(downloads, 'My-Folder'));
  widen('adapters/smollm2-135m-instruct/northwind-bank-2', join(downloads, 'my-lora'));

  shell(part('## Set up'));
  t.match(shell(part('## Import')), /my-folder +base +imported[\s\S]*my-model +base +imported/);
  const [init, started] = part('## Start').trim().split('\n');
  shell(init!);
  const fromFile = await serve(started!);
  const answer = shell(part('## Ask'));
  t.match(answer, /"object":\s*"chat.completion"[\s\S]*"model":\s*"my-model"/);
  say(answer.trim().split('\n').at(-1)!);
  await fromFile.stop();

  await serve(started!.replace('my-model', 'my-folder'));
  const adapted = shell(part('## Adapters for it'));
  t.match(adapted, /support@1 +\w+ +32 [\s\S]*"model":\s*"support@1"/);
  say(adapted.trim().split('\n').at(-1)!);
});

async function serve(line: string) {
  const gateway = start('unshare', inside(line));
  // unshare lets SIGTERM wait until its child ends; with unshare the whole machine goes.
  const stop = () => gateway.stop('SIGKILL');
  t.teardown(stop);
  await until(`ready\n${gateway.output()}`, 600_000, async () => ((await fetch(`${URL}/readyz`)).ok ? true : null));
  return { stop };
}

/** The same adapter in a larger rank: further rows of A, and further columns of B, are zero. */
function widen(from: string, to: string): void {
  const bytes = readFileSync(join(from, 'adapter_model.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__, ...tensors } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: [number, number]; data_offsets: [number, number] }
  >;
  let offset = 0;
  const chunks: Buffer[] = [];
  const header: Record<string, object> = {};
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(tensors)) {
    const data = bytes.subarray(start + range[0], start + range[1]);
    const [rows, columns] = name.includes('lora_A') ? [RANK, shape[1]] : [shape[0], RANK];
    const rowBytes = data.length / shape[0];
    const wideRowBytes = (rowBytes / shape[1]) * columns;
    const wide = Buffer.alloc(rows * wideRowBytes);
    for (let row = 0; row < shape[0]; row++) data.copy(wide, row * wideRowBytes, row * rowBytes, (row + 1) * rowBytes);
    header[name] = { dtype, shape: [rows, columns], data_offsets: [offset, offset + wide.length] };
    offset += wide.length;
    chunks.push(wide);
  }
  mkdirSync(to);
  writeFileSync(join(to, 'adapter_model.safetensors'), encodeSafetensors(header, Buffer.concat(chunks)));
  const config = JSON.parse(readFileSync(join(from, 'adapter_config.json'), 'utf8'));
  const scale = config.lora_alpha / config.r;
  const changed = { r: RANK, lora_alpha: scale * RANK, base_model_name_or_path: 'somebody/My-Folder' };
  writeFileSync(join(to, 'adapter_config.json'), JSON.stringify({ ...config, ...changed }));
}
