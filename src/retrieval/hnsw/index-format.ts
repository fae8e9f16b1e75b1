import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * Layout of a file of hnswlib 0.8 (`HierarchicalNSW::saveIndex`), little-endian: a header of 96 bytes, `count`
 * elements of level 0, and for each element the byte length of its links on higher levels and those links.
 */
const HEADER_BYTES = 96;
const COUNT_AT = 16;
const ELEMENT_BYTES_AT = 24;
const LABEL_OFFSET_AT = 32;
const DATA_OFFSET_AT = 40;

/**
 * Walks through a written index and compares it with its own counts, since hnswlib reports no failed write.
 * @throws Error where it is cut short, too long or of other dimensions
 */
export function checkStructure(file: string, dimensions: number): void {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(descriptor, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) throw damaged(file, 'it has no whole header');
    const read = (at: number) => Number(header.readBigUInt64LE(at));
    if (read(LABEL_OFFSET_AT) - read(DATA_OFFSET_AT) !== 4 * dimensions) throw damaged(file, 'it has other dimensions');
    const count = read(COUNT_AT);
    const linksAt = HEADER_BYTES + count * read(ELEMENT_BYTES_AT);
    if (linksAt > size) throw damaged(file, 'its elements are cut short');
    const links = Buffer.alloc(size - linksAt);
    readSync(descriptor, links, 0, links.length, linksAt);
    let at = 0;
    for (let element = 0; element < count; element++) {
      if (at + 4 > links.length) throw damaged(file, 'its links are cut short');
      at += 4 + links.readUInt32LE(at);
    }
    if (at !== links.length) throw damaged(file, 'its links do not end where the file does');
  } finally {
    closeSync(descriptor);
  }
}

function damaged(file: string, reason: string): Error {
  return new Error(`${file} was not written whole: ${reason}`);
}
