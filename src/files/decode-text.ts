/** Text out of bytes of unknown origin: editors write byte order marks, and some shells UTF-16. */

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

const MARKS: readonly { readonly encoding: Encoding; readonly bytes: readonly number[] }[] = [
  { encoding: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { encoding: 'utf-16le', bytes: [0xff, 0xfe] },
  { encoding: 'utf-16be', bytes: [0xfe, 0xff] },
];

/** The encoding that a byte order mark at the start names, and the length of the mark; null without one. */
export function byteOrderMark(bytes: Uint8Array): { readonly encoding: Encoding; readonly length: number } | null {
  const mark = MARKS.find((candidate) => candidate.bytes.every((byte, index) => bytes[index] === byte));
  return mark ? { encoding: mark.encoding, length: mark.bytes.length } : null;
}

/** The text of a file without its byte order mark: UTF-16 where the mark says so, else UTF-8. @throws TypeError for other bytes */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(byteOrderMark(bytes)?.encoding ?? 'utf-8', { fatal: true }).decode(bytes);
}
