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
 * which is held against the limits first: how many times its packed size it is, and the sum of all that was read.
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
  const read = (name: string): Uint8Array | null =>
    names.has(name) ? (unpack(content, (part) => part.name === name && isWithin(part))[name] ?? null) : null;
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

function unpack(content: Uint8Array, filter: (part: UnzipFileInfo) => boolean): Record<string, Uint8Array> {
  try {
    return unzipSync(content, { filter });
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(DAMAGED);
  }
}
