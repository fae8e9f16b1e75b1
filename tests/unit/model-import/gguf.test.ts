import { writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { readGguf } from '../../../src/model-import/gguf/reader.js';
import { tokenizerFromGguf } from '../../../src/model-import/gguf/tokenizer.js';
import { encodeGguf, type GgufInput } from '../../../src/model-import/gguf/writer.js';

const tensor = (name: string, shape: number[]) => ({
  name,
  type: 0,
  shape,
  bytes: Buffer.alloc(4 * shape.reduce((product, length) => product * length, 1), name),
});

function readBytes(folder: string, bytes: Buffer) {
  const file = path.join(folder, 'file.gguf');
  writeFileSync(file, bytes);
  const gguf = readGguf(file);
  gguf.file.close();
  return gguf;
}

t.test('metadata and the tensor directory are read, innermost axis last', async (t) => {
  const metadata = { name: 'tiny', count: 7, ratio: 0.5, on: true, words: ['a', 'ü'], numbers: [1, -2] };
  const bytes = encodeGguf(metadata, [tensor('one', [3]), tensor('two', [4, 5])]);
  const gguf = readBytes(t.testdir(), bytes);
  t.same(Object.fromEntries(gguf.metadata), metadata);
  t.match(gguf.tensors.get('two'), { type: 'F32', shape: [4, 5], bytes: 80 });
  const { offset } = gguf.tensors.get('two')!;
  t.equal(bytes.toString('latin1', offset, offset + 6), 'twotwo');
});

t.test('a type that cannot be unpacked is carried by name', async (t) => {
  const gguf = readBytes(t.testdir(), encodeGguf({}, [{ ...tensor('w', [2, 256]), type: 21 }]));
  t.same(gguf.tensors.get('w')?.type, { unsupported: 'IQ3_S' });
});

/** A valid start, with one number of the header replaced. */
const withU64 = (at: number, value: bigint): Buffer => {
  const bytes = encodeGguf({ key: 'value' }, [tensor('w', [2, 4])]);
  bytes.writeBigUInt64LE(value, at);
  return bytes;
};
/** The second tensor begins where the first does. */
function overlapping(): Buffer {
  const bytes = encodeGguf({}, [tensor('one', [2, 4]), tensor('two', [2, 4])]);
  bytes.writeBigUInt64LE(0n, bytes.indexOf('two') + 3 + 4 + 16 + 4);
  return bytes;
}
const BROKEN: Record<string, [Buffer, RegExp]> = {
  'an empty file': [Buffer.alloc(0), /truncated/],
  'another format': [Buffer.from('PK\x03\x04 and so on and on'), /does not start with GGUF/],
  'version 1': [encodeGguf({}, [], 1), /version 1 is not supported/],
  'a tensor count that nothing backs': [withU64(8, 1n << 60n), /implausible|at most 65536/],
  'a key count that nothing backs': [withU64(16, 60_000n), /truncated/],
  'a key longer than the file': [withU64(24, 1n << 40n), /truncated/],
  'an offset past the end': [withU64(85, 1n << 41n), /truncated: w ends at/],
  'a truncated tensor': [encodeGguf({}, [tensor('w', [2, 4])]).subarray(0, -8), /truncated: w ends at/],
  'a key given twice': [
    Buffer.concat([
      encodeGguf({}, []).subarray(0, 16),
      Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]),
      ...[0, 1].map(() => encodeGguf({ key: 1 }, []).subarray(24, 24 + 8 + 3 + 8)),
    ]),
    /key occurs twice/,
  ],
  'a tensor given twice': [encodeGguf({}, [tensor('w', [2]), tensor('w', [2])]), /tensor w occurs twice/],
  'a tensor without elements': [encodeGguf({}, [tensor('w', [0, 4])]), /w has shape \[0, 4\]/],
  'tensors in the same bytes': [overlapping(), /the tensors one and two lie in the same bytes/],
  'an odd alignment': [encodeGguf({ 'general.alignment': 3 }, []), /general\.alignment is 3/],
};
for (const [what, [bytes, reason]] of Object.entries(BROKEN)) {
  t.test(`${what} is refused`, async (t) => {
    t.throws(() => readBytes(t.testdir(), bytes), { code: 'model_invalid', message: reason });
  });
}

t.test('a file that is not there, and a folder, are refused', async (t) => {
  const folder = t.testdir();
  t.throws(() => readGguf(path.join(folder, 'none.gguf')), { code: 'model_invalid', message: /cannot be opened/ });
  t.throws(() => readGguf(folder), { code: 'model_invalid' });
});

const TOKENS = [
  '<|end|>',
  '<|im_start|>',
  'a',
  'b',
  'ab',
  '<|fim_prefix|>',
  '<|fim_middle|>',
  '<|fim_suffix|>',
  '<tool>',
  '<|file_sep|>',
];
const TOKENIZER: Record<string, GgufInput> = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'llama-bpe',
  'tokenizer.ggml.tokens': TOKENS,
  'tokenizer.ggml.token_type': [3, 3, 1, 1, 1, 3, 3, 3, 4, 3],
  'tokenizer.ggml.merges': ['a b'],
  'tokenizer.ggml.bos_token_id': 1,
  'tokenizer.ggml.eos_token_id': 0,
  'tokenizer.ggml.add_bos_token': true,
  'tokenizer.chat_template': '{{ messages }}',
};

t.test('the tokenizer is built from the metadata, with its template, specials and ends', async (t) => {
  const imported = tokenizerFromGguf(readBytes(t.testdir(), encodeGguf(TOKENIZER, [])));
  t.match(imported, { bosId: 1, eosIds: [0, 9] });
  t.same(imported.fim, { prefix: 5, middle: 6, suffix: 7, repo: null, file: 9 });
  const tokenizer = JSON.parse(imported.tokenizerJson);
  t.same(tokenizer.model.vocab, Object.fromEntries(TOKENS.map((token, id) => [token, id])));
  t.equal(tokenizer.model.ignore_merges, true);
  t.equal(tokenizer.post_processor.type, 'TemplateProcessing');
  t.same(
    tokenizer.added_tokens.map(({ id, special }: { id: number; special: boolean }) => [id, special]),
    [
      [0, true],
      [1, true],
      [5, true],
      [6, true],
      [7, true],
      [8, false],
      [9, true],
    ],
  );
  t.match(JSON.parse(imported.configJson), {
    eos_token: '<|end|>',
    chat_template: '{{ messages }}',
    pad_token: '<|end|>',
  });
});

for (const [what, changes, reason] of [
  [
    'another kind of tokenizer',
    { 'tokenizer.ggml.model': 'bert' },
    /tokenizer model bert is not supported \(gpt2, byte/,
  ],
  ['an end that is no token', { 'tokenizer.ggml.eos_token_id': 99 }, /eos_token_id 99 is no id of its 10 tokens/],
  ['a merge that makes no token', { 'tokenizer.ggml.merges': ['a b', 'b a'] }, /merge "b a" does not make a token/],
  ['a merge of one', { 'tokenizer.ggml.merges': ['ab'] }, /merge "ab" does not make a token/],
  ['an unknown way of splitting', { 'tokenizer.ggml.pre': 'bloom' }, /pre-tokenizer bloom is not supported \(gpt-2/],
  ['an inherited name', { 'tokenizer.ggml.pre': 'constructor' }, /pre-tokenizer constructor is not supported/],
  ['tokens without types', { 'tokenizer.ggml.token_type': [1] }, /tokens without a type/],
  ['a list of numbers for tokens', { 'tokenizer.ggml.tokens': [1, 2] }, /tokenizer\.ggml\.tokens is missing or not/],
] as const) {
  t.test(`${what} is refused by name`, async (t) => {
    const bytes = encodeGguf({ ...TOKENIZER, ...changes }, []);
    t.throws(() => tokenizerFromGguf(readBytes(t.testdir(), bytes)), { code: 'model_invalid', message: reason });
  });
}

t.test('BOS is put before a text where the file says so, and where llama.cpp does when it does not say', async (t) => {
  const { 'tokenizer.ggml.add_bos_token': _, ...silent } = TOKENIZER;
  const bosOf = (metadata: Record<string, GgufInput>) =>
    tokenizerFromGguf(readBytes(t.testdir(), encodeGguf(metadata, []))).bosId;
  t.equal(bosOf(silent), 1);
  t.equal(bosOf({ ...silent, 'tokenizer.ggml.pre': 'tekken' }), 1);
  t.equal(bosOf({ ...silent, 'tokenizer.ggml.pre': 'qwen2' }), null);
  t.equal(bosOf({ ...TOKENIZER, 'tokenizer.ggml.add_bos_token': false }), null);
});

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const PIECES = ['<unk>', '<s>', '</s>', ...BYTES, '<tool>', '\u2581', 'a', 'b', '\u2581a', 'ab', '\u2581ab', 'b '];
const SENTENCEPIECE: Record<string, GgufInput> = {
  'tokenizer.ggml.model': 'llama',
  'tokenizer.ggml.tokens': PIECES,
  'tokenizer.ggml.token_type': PIECES.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : id === 259 ? 4 : 1)),
  'tokenizer.ggml.scores': [...new Array<number>(260).fill(0), -8, -7, -6, -2, -1, -3, -4],
};

t.test('merges of SentencePiece follow the scores, and its special tokens are where llama.cpp has them', async (t) => {
  const of = (metadata: Record<string, GgufInput>) =>
    tokenizerFromGguf(readBytes(t.testdir(), encodeGguf(metadata, [])));
  const imported = of(SENTENCEPIECE);
  t.match(imported, { bosId: 1, eosIds: [2], fim: null });
  const tokenizer = JSON.parse(imported.tokenizerJson);
  t.same(tokenizer.model.merges, ['a b', '\u2581 a', '\u2581 ab', '\u2581a b']);
  t.match(tokenizer.model, { byte_fallback: true, unk_token: '<unk>' });
  const added = tokenizer.added_tokens.map(({ id, special }: { id: number; special: boolean }) => [id, special]);
  t.same(added, [
    [0, true],
    [1, true],
    [2, true],
    [259, false],
  ]);
  t.match(JSON.parse(imported.configJson), { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' });
  t.equal(of({ ...SENTENCEPIECE, 'tokenizer.ggml.add_bos_token': false }).bosId, null);
  const bare = JSON.parse(of({ ...SENTENCEPIECE, 'tokenizer.ggml.add_space_prefix': false }).tokenizerJson);
  t.equal(bare.normalizer.type, 'Replace', 'no blank before the text');
});

for (const [what, changes, reason] of [
  ['scores that are too few', { 'tokenizer.ggml.scores': [0] }, /267 tokens and 1 scores/],
  [
    'a byte without a token',
    { 'tokenizer.ggml.tokens': PIECES.map((token) => (token === '<0x0A>' ? 'x' : token)) },
    /no token <0x0A>/,
  ],
] as const) {
  t.test(`a SentencePiece vocabulary with ${what} is refused`, async (t) => {
    const bytes = encodeGguf({ ...SENTENCEPIECE, ...changes }, []);
    t.throws(() => tokenizerFromGguf(readBytes(t.testdir(), bytes)), { code: 'model_invalid', message: reason });
  });
}
