import { byteOrderMark } from '../../files/decode-text.js';
import { Unreadable } from './unreadable.js';

/** A file's text and how many bytes of the file a piece of it takes. */
export interface DecodedFile {
  readonly text: string;
  bytesOf(piece: string): number;
}

const UTF8 = (piece: string) => Buffer.byteLength(piece);
const UTF16 = (piece: string) => 2 * piece.length;
const ONE_BYTE = (piece: string) => piece.length;

/** Encodings with one byte a character, so that positions in the text are positions in the file. */
const SINGLE_BYTE = /^(?:windows-125\d|iso-?8859-\d+|latin-?1|koi8-[ru]|macintosh|us-ascii|ascii)$/;
/** Where HTML and XML say how they are written: before anything that is not ASCII. */
const DECLARED = /<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]+)|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w-]+)/i;
const DECLARATION_BYTES = 1024;
/** How much is looked at to tell an encoding. */
const SAMPLE_BYTES = 1 << 16;

/**
 * Decodes a text file: UTF-8, UTF-16 with or without a byte order mark, and what the markup of a page declares where
 * that has one byte a character. A byte order mark stays in the text.
 * @throws Unreadable, which names the encoding where it cannot be read
 */
export function decodeFile(content: Uint8Array): DecodedFile {
  const utf16 = byteOrderMark(content)?.encoding.startsWith('utf-16')
    ? byteOrderMark(content)!.encoding
    : unmarkedUtf16(content);
  if (utf16) return { text: decode(content, utf16, `it is not valid ${utf16.toUpperCase()}`), bytesOf: UTF16 };
  try {
    return { text: decode(content, 'utf-8', ''), bytesOf: UTF8 };
  } catch {
    const declared = declaredEncoding(content);
    if (declared === null || declared === 'utf-8') throw new Unreadable(`it is not valid UTF-8, ${guess(content)}`);
    if (!SINGLE_BYTE.test(declared)) throw new Unreadable(`it is written in ${declared}; save it as UTF-8`);
    return { text: decode(content, declared, `it is not valid ${declared}`), bytesOf: ONE_BYTE };
  }
}

function decode(content: Uint8Array, encoding: string, reason: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new Unreadable(reason);
  }
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
