import { closeSync, openSync, readSync } from 'node:fs';

const PIECE_BYTES = 256 * 1024;
/** Of a character, at most, behind its first. */
const MORE_BYTES = 3;

/**
 * The bytes of a file, one piece after the other, which end where a character of UTF-8 does, where they are such. All in the same memory, which
 * new memory for each would take as long again as reading: a piece is good until the next one is asked for.
 */
export function* textPieces(path: string, pieceBytes = PIECE_BYTES): Generator<Uint8Array> {
  const memory = Buffer.allocUnsafe(pieceBytes);
  const descriptor = openSync(path, 'r');
  try {
    for (let at = 0; ; ) {
      const length = readSync(descriptor, memory, 0, memory.length, at);
      if (length === 0) return;
      // What the file ends with is as it is.
      const bytes = length < memory.length ? length : wholeCharacters(memory);
      yield memory.subarray(0, bytes);
      at += bytes;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** How many bytes there are before a character that goes on behind them. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let more = 0; more <= MORE_BYTES; more++) {
    const at = bytes.length - 1 - more;
    const byte = bytes[at]!;
    if (byte < 0x80) break;
    // The first byte of a character, which says how many more there are.
    if (byte >= 0xc0) return more < (byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1) ? at : bytes.length;
  }
  return bytes.length;
}
