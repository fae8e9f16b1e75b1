import t from 'tap';
import { decodeText } from '../../../src/files/decode-text.js';

t.test('a byte order mark names the encoding and is no part of the text', async (t) => {
  const text = '{"größe": "🎉"}';
  const big = Buffer.from(text, 'utf16le').swap16();
  for (const [name, bytes] of Object.entries({
    plain: Buffer.from(text),
    marked: Buffer.from(`\ufeff${text}`),
    'UTF-16, little-endian': Buffer.from(`\ufeff${text}`, 'utf16le'),
    'UTF-16, big-endian': Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
  })) {
    t.equal(decodeText(bytes), text, name);
  }
  t.throws(() => decodeText(Buffer.from([0x61, 0xe9])), TypeError);
});
