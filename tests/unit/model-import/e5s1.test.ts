import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { openSource } from '../../../src/model-import/embedder/open-source.js';
import { importEmbedder } from '../../../src/model-import/import-embedder.js';
import { loadEmbedder } from '../../../src/retrieval/process/embedder.js';
import { encodeE5s1, PIECES, writeE5s1 } from '../../fixtures/model-import/write-e5s1.js';
import { cosine } from '../../parity/cosine.js';

const use = { pooling: 'mean', queryPrefix: 'na ', passagePrefix: 'new ', maxTokens: 512 } as const;

t.test(
  'a file with vocabulary and weights is imported, and embeds by kernels and by stock operators alike',
  async (t) => {
    const source = t.testdir();
    writeE5s1(path.join(source, 'model.bin'));
    const folder = path.join(source, 'models', 'tiny');
    const manifest = await importEmbedder({ folder: source, weights: 'model.bin' }, folder, 'tiny', use);
    t.match(manifest, { dimensions: 64, pooling: 'mean', passagePrefix: 'new ', maxTokens: 32 });
    t.ok(manifest.encoder, 'the kernels compute it');
    const [kernels, stock] = [
      await loadEmbedder(folder, manifest, 1),
      await loadEmbedder(folder, { ...manifest, encoder: null }, 1),
    ];
    for (const as of ['query', 'passage'] as const) {
      const text = kernels.tokenize('news 新聞 news', as);
      t.same(
        text.ids.map((id) => PIECES[id]),
        ['<s>', as === 'query' ? '▁na' : '▁new', '▁news', '▁', '新聞', '▁news', '</s>'],
      );
      const [[one], [other]] = [await kernels.embed([text]), await stock.embed([text])];
      t.ok(cosine(one!, other!) > 0.999, `${as}: ${cosine(one!, other!)}`);
    }
  },
);

t.test('its matrices keep their very weights in blocks, and are rounded to a row’s steps for the kernels', (t) => {
  const folder = t.testdir();
  writeE5s1(path.join(folder, 'model.bin'));
  const { weights } = openSource({ folder, weights: 'model.bin' }).checkpoint;
  t.teardown(() => weights.close());
  const name = 'encoder.layer.1.output.dense.weight';
  const values = weights.floats(name, 64, 64);
  const matrix = weights.matrix(name, 64, 64);
  t.same(
    values,
    Float32Array.from(values, (_, i) => matrix.scales[i >> 5]! * (matrix.codes[i]! - 128)),
  );
  const { codes, scales } = weights.channels(name, 64, 64);
  t.ok(values.every((value, i) => Math.abs(value - codes[i]! * scales[i >> 6]!) <= scales[i >> 6]! * 0.5001));
  t.end();
});

t.test('a file that is none, or does not hold what it says, is refused by name', (t) => {
  const folder = t.testdir();
  const sound = encodeE5s1();
  const refuse = (change: (bytes: Buffer) => Buffer | undefined, message: RegExp) => {
    const bytes = Buffer.from(sound);
    writeFileSync(path.join(folder, 'model.bin'), change(bytes) ?? bytes);
    t.throws(() => openSource({ folder, weights: 'model.bin' }), { code: 'model_invalid', message });
  };
  const named = (name: string) => sound.indexOf(name) + name.length;
  refuse((bytes) => void bytes.write('E5S2'), /does not begin with E5S1/);
  refuse((bytes) => void bytes.writeUInt32LE(2, 4), /its version is 2/);
  refuse((bytes) => void bytes.writeInt32LE(0, 12), /its layers is 0/);
  refuse((bytes) => void bytes.writeInt32LE(64, 40), /blocks have 64 weights/);
  refuse((bytes) => void bytes.writeInt32LE(1 << 20, 44), /1048576 pieces for 16 rows/);
  refuse((bytes) => void bytes.writeInt32LE(13, 60), /its unknown has the id 13/);
  refuse((bytes) => void bytes.write('X', named('l1.fo') - 1), /the tensor l1.fo.[wb] is missing/);
  refuse((bytes) => void bytes.writeUInt32LE(1, named('emb.pos') + 1), /emb.pos has 1 values/);
  refuse((bytes) => bytes.subarray(0, -1), /it is truncated/);
  t.equal(readFileSync(path.join(folder, 'model.bin')).length, sound.length - 1);
  t.end();
});
