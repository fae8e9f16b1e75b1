import { crc32 } from 'node:zlib';
import { type UnzipFileInfo, unzipSync } from 'fflate';
import { decodeText } from '../../../files/decode-text.js';
import { DAMAGED, Unreadable } from '../unreadable.js';

/** The parts of a document that is a ZIP archive. */
export interface Zip {
  readonly names: ReadonlySet<string>;
  /** A part, unpacked; null where there is none. @throws Unreadable */
  read(name: string): Uint8Array | null;
  /** The text of a part, which is empty where there is none. @throws Unreadable */
  text(name: string): string;
}

const MiB = 2 ** 20;
/** Of all that is read of one document. */
const MAX_UNPACKED_BYTES = 128 * MiB;
/** Markup packs to a tenth, sheets of zeros to a hundredth; what packs to a thousandth was made to. */
const MAX_RATIO = 200;
/** Smaller parts may be whatever they are. */
const LEAST_SUSPICIOUS_BYTES = MiB;

/**
 * Opens an archive. Nothing is unpacked before it is read, and no part to more than the size that the archive states,
 * which is held against the limits first: how many times its packed size it is, and the sum of all that was read. What
 * does not have its checksum is damaged: some readers of XML take long over it.
 * @throws Unreadable for what is no sound archive
 */
export function openZip(content: Uint8Array): Zip {
  const names = new Set<string>();
  unpack(content, ({ name }) => {
    names.add(name);
    return false;
  });
  let unpacked = 0;
  const isWithin = ({ size, originalSize }: UnzipFileInfo) => {
    unpacked += originalSize;
    if (unpacked > MAX_UNPACKED_BYTES) {
      throw new Unreadable(`unpacked it takes more than ${MAX_UNPACKED_BYTES / MiB} MiB`);
    }
    if (originalSize > LEAST_SUSPICIOUS_BYTES && originalSize > size * MAX_RATIO) {
      throw new Unreadable(`a part of it unpacks to more than ${MAX_RATIO} times its size, as in a ZIP bomb`);
    }
    return true;
  };
  const checksums = checksumsOf(content);
  const read = (name: string): Uint8Array | null => {
    if (!names.has(name)) return null;
    const part = unpack(content, (candidate) => candidate.name === name && isWithin(candidate))[name];
    // The directory of a very large archive (ZIP64) stands elsewhere: then nothing is known of its parts.
    const checksum = checksums.get(name);
    if (!part || (checksum !== undefined && crc32(part) !== checksum)) throw new Unreadable(DAMAGED);
    return part;
  };
  return {
    names,
    read,
    text(name) {
      const part = read(name);
      if (part === null) return '';
      try {
        return decodeText(part);
      } catch {
        throw new Unreadable(DAMAGED);
      }
    },
  };
}

const HEADER = 0x02014b50;
const HEADER_BYTES = 46;
const END = 0x06054b50;
const END_BYTES = 22;

/** What the directory of an archive says of its parts (APPNOTE.TXT, 4.3.12 and 4.3.16). */
function checksumsOf(content: Uint8Array): ReadonlyMap<string, number> {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const checksums = new Map<string, number>();
  let end = bytes.length - END_BYTES;
  while (end > 0 && bytes.readUInt32LE(end) !== END) end -= 1;
  if (end < 0) return checksums;
  for (let at = bytes.readUInt32LE(end + 16); at + HEADER_BYTES <= end && bytes.readUInt32LE(at) === HEADER; ) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
    const name = bytes.toString('utf8', at + HEADER_BYTES, at + HEADER_BYTES + nameBytes!);
    checksums.set(name, bytes.readUInt32LE(at + 16));
    at += HEADER_BYTES + nameBytes! + extraBytes! + commentBytes!;
  }
  return checksums;
}

function unpack(content: Uint8Array, filter: (part: UnzipFileInfo) => boolean): Record<string, Uint8Array> {
  try {
    return unzipSync(content, { filter });
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(DAMAGED);
  }
}
