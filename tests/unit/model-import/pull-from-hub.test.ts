import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { pullModel } from '../../../src/model-import/models.js';
import { pullFromHub } from '../../../src/model-import/pull-from-hub.js';
import { type TinyCase, writeTinyGguf } from '../../parity/tiny-weights.js';

const golden = JSON.parse(
  gunzipSync(readFileSync(path.resolve('tests/parity/goldens/architectures.json.gz'))).toString(),
) as { cases: Record<string, TinyCase> };

/** Answers as the Hub does: a list of large files, and ranges of them. */
function hub(t: Test, files: Readonly<Record<string, Buffer>>): void {
  const original = globalThis.fetch;
  t.teardown(() => {
    globalThis.fetch = original;
  });
  globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    if (url.pathname.includes('/tree/')) {
      const list = Object.entries(files).map(([name, bytes]) => {
        const oid = createHash('sha256').update(bytes).digest('hex');
        return {
          type: 'file',
          path: name,
          size: bytes.length,
          oid: 'x',
          lfs: { oid, size: bytes.length, pointerSize: 1 },
        };
      });
      return Response.json(list);
    }
    const bytes = files[url.pathname.split('/resolve/main/')[1]!]!;
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '') ?? ['', '0', ''];
    const piece = bytes.subarray(Number(from), to ? Number(to) + 1 : undefined);
    const range = `bytes ${from}-${Number(from) + piece.length - 1}/${bytes.length}`;
    return new Response(new Uint8Array(piece), { status: 206, headers: { 'content-range': range, etag: '"x"' } });
  };
}

function tiny(folder: string): Buffer {
  const file = path.join(folder, 'Tiny-Q8.gguf');
  writeTinyGguf(file, golden.cases['llama, tied']!);
  return readFileSync(file);
}

t.test('a file of the Hub is fetched, imported under its name, and ready when it is asked for again', async (t) => {
  const dataDir = t.testdir();
  hub(t, { 'README.md': Buffer.from('#'), 'Tiny-Q8.gguf': tiny(dataDir) });
  const manifest = await pullFromHub('hub:owner/tiny', undefined, dataDir);
  t.match(manifest, { id: 'tiny-q8', architecture: 'llama' });
  t.match(await pullModel('tiny-q8', dataDir), { baseDigest: manifest.baseDigest });
  const named = await pullFromHub('hub:owner/tiny:Tiny-Q8.gguf', 'mine', dataDir);
  t.match(named, { id: 'mine', baseDigest: manifest.baseDigest });
});

t.test('where a repository has several models one has to be named, and one that is there', async (t) => {
  const dataDir = t.testdir();
  const parts = { 'c-00001-of-00002.gguf': Buffer.from('c'), 'b.gguf': Buffer.from('b') };
  hub(t, parts);
  const pull = (reference: string) => pullFromHub(reference, undefined, dataDir);
  await t.rejects(pull('hub:o/n'), {
    code: 'invalid_value',
    message: /several models; name one as hub:o\/n:FILE.*b\.gguf/,
  });
  await t.rejects(pull('hub:o/n:d.gguf'), { message: /no file d\.gguf\. It has c-00001-of-00002\.gguf, b\.gguf/ });
  await t.rejects(pull('hub:o/n:c-00001-of-00002.gguf'), { message: /lacks the part c-00002-of-00002\.gguf/ });
  await t.rejects(pull('hub:n'), { code: 'invalid_value', message: /hub:owner\/name/ });
});
