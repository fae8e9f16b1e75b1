import { parse } from 'node:path';
import type { Passage } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { cleanText } from './clean-text.js';
import { parseCode } from './code.js';
import type { ParsedBinary, ParsedDocument, ParsedText, Range } from './document.js';
import { counter, type DecodedFile } from './encodings.js';
import { type BinaryKind, recogniseFile, refusal, type TextKind } from './file-kinds.js';
import { parseHtml } from './html.js';
import { parseJsonLines } from './json-lines.js';
import { parseMarkdown } from './markdown.js';
import { unseenOf } from './markdown-unseen.js';
import { openZip } from './office/zip.js';
import { parseTable } from './table.js';
import { parseText } from './text.js';
import { DAMAGED, NO_TEXT, Unreadable } from './unreadable.js';

export interface NamedFile {
  readonly filename: string;
  readonly content: Uint8Array;
}

/** A document with the places of its ranges in the file. */
export interface ReadDocument extends ParsedDocument {
  /** Fast where ranges lie near the one asked for before. */
  placeOf(range: Range): Pick<Passage, 'byteStart' | 'byteEnd' | 'location'>;
}

/** E-mails in e-mails, and documents in those. */
const MAX_DEPTH = 3;
/** Kinds whose lines people look up by their number. */
const BY_LINE: ReadonlySet<TextKind> = new Set(['code', 'table', 'records']);

/**
 * Reads a file of any kind that is known.
 * @throws AppError `unsupported_file`, `document_too_complex`
 */
export async function readFile(file: NamedFile, depth = 0): Promise<ReadDocument> {
  const recognised = recogniseFile(file.filename, file.content);
  if ('text' in recognised) return readText(file.filename, recognised);
  try {
    const document = await parseBinary(recognised.kind, file, depth);
    if (document.blocks.length === 0) throw new Unreadable(NO_TEXT);
    const [byteStart, byteEnd] = [0, file.content.byteLength];
    return { ...document, placeOf: (range) => ({ byteStart, byteEnd, location: document.locationOf(range) }) };
  } catch (error) {
    const refused = refusal(file.filename, error);
    // Libraries fail in their own ways over what is not as they expect it.
    throw refused instanceof AppError ? refused : refusal(file.filename, new Unreadable(DAMAGED, { cause: error }));
  }
}

async function readText(filename: string, file: { readonly kind: TextKind } & DecodedFile): Promise<ReadDocument> {
  const { kind, text: raw } = file;
  const clean = cleanText(raw, kind === 'markdown' ? unseenOf(raw) : []);
  const document = await parseTextOf(kind, clean.text, filename);
  const lineAt = counter(raw, (piece) => piece.match(/\r\n?|\n/g)?.length ?? 0);
  return {
    ...document,
    placeOf(range) {
      const { start, end } = clean.sourceRange(document.sourceRange(range));
      const lines = () => ({ type: 'line' as const, first: lineAt(start) + 1, last: lineAt(end) + 1 });
      return { byteStart: file.byteAt(start), byteEnd: file.byteAt(end), location: BY_LINE.has(kind) ? lines() : null };
    },
  };
}

async function parseTextOf(kind: TextKind, text: string, filename: string): Promise<ParsedText> {
  const { name, base } = parse(filename);
  switch (kind) {
    case 'markdown':
      return parseMarkdown(text, name);
    case 'html':
      return parseHtml(text, base);
    case 'code':
      return parseCode(text, base);
    case 'table':
      return parseTable(text, name);
    case 'records':
      return parseJsonLines(text, name);
    case 'text':
      return parseText(text, name);
  }
}

/** Each library is loaded with the first file that needs it: most parsers read text alone. */
async function parseBinary(kind: BinaryKind, { filename, content }: NamedFile, depth: number): Promise<ParsedBinary> {
  const { name } = parse(filename);
  switch (kind) {
    case 'pdf':
      return (await import('./pdf/pdf.js')).parsePdf(content, name);
    case 'docx':
      return (await import('./office/docx.js')).parseDocx(openZip(content), filename);
    case 'pptx':
      return (await import('./office/pptx.js')).parsePptx(openZip(content), name);
    case 'xlsx':
      return (await import('./office/xlsx.js')).parseXlsx(openZip(content), name);
    case 'email':
      return (await import('./email.js')).parseEmail(content, name, async (attachment) => {
        if (depth >= MAX_DEPTH) throw new Unreadable('it is attached to what is attached itself, too deep');
        const { text, blocks, placeOf } = await readFile(attachment, depth + 1);
        return { text, blocks, locationOf: (range) => placeOf(range).location };
      });
  }
}
