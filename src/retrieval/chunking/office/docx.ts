import { parse } from 'node:path';
import mammoth from 'mammoth';
import type { ParsedBinary } from '../document.js';
import { parseHtml } from '../html.js';
import { DAMAGED, Unreadable } from '../unreadable.js';
import type { Zip } from './zip.js';

/** Besides what mammoth knows: the title of a document, as Word and LibreOffice mark it. */
const STYLES = ["p[style-name='Title'] => title:fresh"];
const TITLE = /<title>(.*?)<\/title>/s;

/** A Word document, as the page that it makes: headings, lists, tables, notes; without comments and what was struck out. */
export async function parseDocx(zip: Zip, filename: string): Promise<ParsedBinary> {
  // What mammoth asks of an archive, so that all it unpacks is bounded.
  const file = {
    exists: (name: string) => zip.names.has(name),
    async read(name: string, encoding?: string) {
      const part = zip.read(name);
      if (part === null) throw new Unreadable(DAMAGED);
      return encoding === undefined ? part : new TextDecoder(encoding).decode(part);
    },
  };
  const { value } = await mammoth.convertToHtml({ file } as never, {
    styleMap: STYLES,
    includeEmbeddedStyleMap: false,
    convertImage: mammoth.images.imgElement(async () => ({ src: '' })),
  });
  // First headings may be several; the title, or the file's name, then stands above all of them.
  const title = TITLE.exec(value)?.[1];
  const stated = title === undefined ? parse(filename).name : parseHtml(title, filename).text;
  const isTitled = title !== undefined || value.split('<h1>').length > 2;
  // All of it: a document has no navigation.
  const page = parseHtml(`<main>${value}</main>`, filename, isTitled ? stated : null);
  return { ...page, locationOf: () => null };
}
