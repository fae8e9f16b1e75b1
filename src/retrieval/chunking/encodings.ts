import { byteOrderMark } from '../../files/decode-text.js';
import { Unreadable } from './unreadable.js';

/** A file's text, and where its positions stand in the file. */
export interface DecodedFile {
  readonly text: string;
  /** Fast where positions lie near the one asked for before. */
  byteAt(position: number): number;
}

/** Encodings with one byte a character, so that positions in the text are positions in the file. */
const SINGLE_BYTE = /^(?:windows-125\d|iso-?8859-\d+|latin-?1|koi8-[ru]|macintosh|us-ascii|ascii)$/;
/** Encodings that write a character in one to four bytes, whatever stands before it. */
const MULTI_BYTE =
  /^(?:shift[_-]jis|sjis|windows-31j|euc-jp|euc-kr|ks_c_5601-1987|gbk|gb2312|gb18030|big5|big5-hkscs)$/;
/** Where HTML and XML say how they are written: before anything that is not ASCII. */
const DECLARED = /<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]+)|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w-]+)/i;
const DECLARATION_BYTES = 1024;
/** How much is looked at to tell an encoding. */
const SAMPLE_BYTES = 1 << 16;

/**
 * Decodes a text file: UTF-8, UTF-16 with or without a byte order mark, and what the markup of a page declares. A byte
 * order mark stays in the text.
 * @throws Unreadable, which names the encoding where it cannot be read
 */
export function decodeFile(content: Uint8Array): DecodedFile {
  const utf16 = byteOrderMark(content)?.encoding.startsWith('utf-16')
    ? byteOrderMark(content)!.encoding
    : unmarkedUtf16(content);
  if (utf16) {
    const text = decode(content, utf16, `it is not valid ${utf16.toUpperCase()}`);
    return { text, byteAt: (position) => 2 * position };
  }
  try {
    const text = decode(content, 'utf-8', '');
    return { text, byteAt: counter(text, (piece) => Buffer.byteLength(piece)) };
  } catch {
    const declared = declaredEncoding(content);
    if (declared === null || declared === 'utf-8') throw new Unreadable(`it is not valid UTF-8, ${guess(content)}`);
    if (MULTI_BYTE.test(declared)) return decodeMultiByte(content, declared);
    if (!SINGLE_BYTE.test(declared)) throw new Unreadable(`it is written in ${declared}; save it as UTF-8`);
    return { text: decode(content, declared, `it is not valid ${declared}`), byteAt: (position) => position };
  }
}

function decode(content: Uint8Array, encoding: string, reason: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new Unreadable(reason);
  }
}

/** A decoder tells after which byte a character is whole, and so where each begins. */
function decodeMultiByte(content: Uint8Array, encoding: string): DecodedFile {
  const text = decode(content, encoding, `it is not valid ${encoding}`);
  const starts = new Uint32Array(text.length + 1);
  const decoder = new TextDecoder(encoding);
  let units = 0;
  let start = 0;
  for (let at = 0; at < content.length; at++) {
    const { length } = decoder.decode(content.subarray(at, at + 1), { stream: true });
    if (length === 0) continue;
    starts.fill(start, units, units + length);
    units += length;
    start = at + 1;
  }
  starts[text.length] = content.length;
  return { text, byteAt: (position) => starts[position]! };
}

/** How much of something there is up to a position. Fast where positions lie near the one asked for before. */
export function counter(text: string, amountIn: (piece: string) => number): (position: number) => number {
  let at = { position: 0, amount: 0 };
  return (position) => {
    const amount =
      position >= at.position
        ? at.amount + amountIn(text.slice(at.position, position))
        : at.amount - amountIn(text.slice(position, at.position));
    at = { position, amount };
    return amount;
  };
}

/** Western text in UTF-16 has a zero in nearly every second byte, and hardly one among the others. */
function unmarkedUtf16(content: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const sample = content.subarray(0, SAMPLE_BYTES);
  if (content.length % 2 !== 0 || sample.length < 4) return null;
  const zeros = [0, 0];
  sample.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2]! += 1;
  });
  const [even, odd] = zeros as [number, number];
  const [many, few] = [sample.length * 0.3, sample.length * 0.01];
  if (odd > many && even <= few) return 'utf-16le';
  if (even > many && odd <= few) return 'utf-16be';
  return null;
}

function declaredEncoding(content: Uint8Array): string | null {
  const head = Buffer.from(content.subarray(0, DECLARATION_BYTES)).toString('latin1');
  const match = DECLARED.exec(head);
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null;
}

/** In European text single letters stand out of ASCII; in East Asian encodings nearly every byte does. */
function guess(content: Uint8Array): string {
  const sample = content.subarray(0, SAMPLE_BYTES);
  let high = 0;
  let alone = 0;
  sample.forEach((byte, index) => {
    if (byte < 0x80) return;
    high += 1;
    if ((sample[index - 1] ?? 0) < 0x80 && (sample[index + 1] ?? 0) < 0x80) alone += 1;
  });
  return alone * 2 > high
    ? 'and looks like Latin-1 (Windows-1252); save it as UTF-8'
    : 'and looks like an East Asian encoding such as Shift_JIS or GBK; save it as UTF-8';
}
