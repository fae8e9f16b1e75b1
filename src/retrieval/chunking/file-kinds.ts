import { isUtf8 } from 'node:buffer';
import { extname } from 'node:path';
import { DOCUMENT_KINDS } from '../../contracts/document-kinds.js';
import type { FileOnDisk } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { contentOf } from '../../files/content-of.js';
import { giveBack } from '../../files/give-back.js';
import { textPieces } from '../../files/text-pieces.js';
import { hasVisible } from './clean-text.js';
import { type DecodedFile, decodeFile } from './encodings.js';
import { openZip } from './office/zip.js';
import { NO_TEXT, Unreadable } from './unreadable.js';

export type TextKind = 'markdown' | 'html' | 'table' | 'records' | 'text' | 'code';
export type BinaryKind = 'pdf' | 'docx' | 'pptx' | 'xlsx' | 'email';

const EXTENSIONS: Readonly<Record<TextKind | BinaryKind, string>> = {
  markdown: '.md .markdown .mdx .mdown',
  html: '.html .htm .xhtml',
  table: '.csv .tsv',
  records: '.jsonl .ndjson',
  text: '.txt .text .log .rst .adoc .asciidoc .org .tex',
  code: `.js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .json .json5 .yaml .yml .toml .ini .cfg .conf .env .xml .css .scss .less
    .py .pyi .rb .php .pl .lua .r .jl .java .kt .kts .scala .groovy .gradle .go .rs .c .h .cc .cpp .cxx .hh .hpp .cs .fs .swift .m .mm
    .sh .bash .zsh .fish .ps1 .bat .sql .graphql .gql .proto .ex .exs .erl .hs .ml .mli .clj .dart .zig .nim .tf .hcl .cmake .mk
    .dockerfile .diff .patch`,
  pdf: '.pdf',
  docx: '.docx .docm .dotx',
  pptx: '.pptx .pptm .ppsx .potx',
  xlsx: '.xlsx .xlsm .xltx',
  email: '.eml',
};
const KIND_BY_EXTENSION = new Map(
  (Object.keys(EXTENSIONS) as (keyof typeof EXTENSIONS)[]).flatMap((kind) =>
    EXTENSIONS[kind].split(/\s+/).map((ext) => [ext, kind] as const),
  ),
);
const BINARY_KINDS: ReadonlySet<string> = new Set(['pdf', 'docx', 'pptx', 'xlsx', 'email'] satisfies BinaryKind[]);
const SUPPORTED_INSTEAD = `supported are ${DOCUMENT_KINDS}`;

const PDF_MARK = '%PDF-';
/** How much of a text is looked at for something to read, before all of it is. */
const BEGINNING_BYTES = 4096;
/** How far into a PDF its mark may stand. */
const PDF_MARK_BYTES = 1024;
const ZIP_MARK = 'PK\u0003\u0004';
/** Of files of old Office, and of new ones behind a password. */
const OLE_MARK = '\u00d0\u00cf\u0011\u00e0\u00a1\u00b1\u001a\u00e1';
/** Names of streams in those, and what a file with one is. */
const OLE_KINDS: readonly (readonly [string, string])[] = [
  ['EncryptedPackage', 'it is protected with a password; save it without one'],
  ['WordDocument', 'it is of Word 97 to 2003 (.doc); save it as .docx'],
  ['Workbook', 'it is of Excel 97 to 2003 (.xls); save it as .xlsx'],
  ['PowerPoint Document', 'it is of PowerPoint 97 to 2003 (.ppt); save it as .pptx'],
  ['__substg1.0_', 'it is a message of Outlook (.msg); save it as .eml'],
];

/** A file that can be cut into passages. */
export type RecognisedFile = ({ readonly kind: TextKind } & DecodedFile) | { readonly kind: BinaryKind };

/**
 * The kind of a file, and its text where it is one. Content decides for documents that are no text, whatever their
 * name says; for the others the name does.
 * @throws AppError `unsupported_file` for an unknown kind, for an encoding that is not read and for other binary content
 */
export function recogniseFile(filename: string, content: Uint8Array): RecognisedFile {
  try {
    return recognise(extname(filename).toLowerCase(), content);
  } catch (error) {
    throw refusal(filename, error);
  }
}

/**
 * Whether a file can be cut into passages. Of text it is known without decoding it, in a tenth of the time and without its size in memory.
 * @throws AppError as `recogniseFile`
 */
export function checkFile(filename: string, content: Uint8Array | FileOnDisk): void {
  const isHere = content instanceof Uint8Array;
  if (isCertainlyText(extname(filename).toLowerCase(), isHere ? [content] : textPieces(content.path))) return;
  const bytes = contentOf(content);
  recogniseFile(filename, bytes);
  if (!isHere) giveBack(bytes as Buffer);
}

/** @param pieces of its content, of whole characters */
function isCertainlyText(extension: string, pieces: Iterable<Uint8Array>): boolean {
  const kind = extension === '' ? 'text' : KIND_BY_EXTENSION.get(extension);
  if (kind === undefined || BINARY_KINDS.has(kind)) return false;
  let isBeginning = true;
  for (const piece of pieces) {
    if ((isBeginning && !beginsAsText(piece)) || !isUtf8(piece) || piece.includes(0)) return false;
    isBeginning = false;
  }
  return !isBeginning;
}

function beginsAsText(content: Uint8Array): boolean {
  const beginning = new TextDecoder().decode(content.subarray(0, BEGINNING_BYTES), { stream: true });
  const isMarked = beginning.startsWith(PDF_MARK) || beginning.startsWith(ZIP_MARK);
  return !isMarked && hasVisible(beginning);
}

/** Of a file that is `Unreadable`, with its name; another error stays as it is. */
export function refusal(filename: string, error: unknown): unknown {
  return error instanceof Unreadable ? new AppError('unsupported_file', { filename, reason: error.message }) : error;
}

function recognise(extension: string, content: Uint8Array): RecognisedFile {
  // Files without one (README, LICENSE, Makefile) are text.
  const named = extension === '' ? 'text' : KIND_BY_EXTENSION.get(extension);
  const binary = binaryKindOf(content, named);
  if (binary !== null) return { kind: binary };
  if (named === undefined) throw new Unreadable(`files of type ${extension} are not supported; ${SUPPORTED_INSTEAD}`);
  if (named === 'email') {
    if (Buffer.from(content).toString('latin1').trim() === '') throw new Unreadable(NO_TEXT);
    return { kind: named };
  }
  if (named === 'pdf' || named === 'docx' || named === 'pptx' || named === 'xlsx') {
    throw new Unreadable(`it is called ${extension}, but ${contentInWords(content)}`);
  }
  const decoded = decodeFile(content);
  if (decoded.text.includes('\0')) throw new Unreadable(`it holds binary data; ${SUPPORTED_INSTEAD}`);
  if (!hasVisible(decoded.text)) throw new Unreadable(NO_TEXT);
  return { kind: named, ...decoded };
}

function binaryKindOf(content: Uint8Array, named: TextKind | BinaryKind | undefined): BinaryKind | null {
  const head = Buffer.from(content.subarray(0, PDF_MARK_BYTES)).toString('latin1');
  if (named === 'pdf' ? head.includes(PDF_MARK) : head.startsWith(PDF_MARK)) return 'pdf';
  if (head.startsWith(ZIP_MARK)) return zipKindOf(content);
  if (head.startsWith(OLE_MARK)) throw new Unreadable(oleKindOf(content));
  return null;
}

function zipKindOf(content: Uint8Array): BinaryKind {
  const { names } = openZip(content);
  if (names.has('[Content_Types].xml')) {
    for (const name of names) {
      if (name.startsWith('word/')) return 'docx';
      if (name.startsWith('ppt/')) return 'pptx';
      if (name === 'xl/workbook.bin') throw new Unreadable('it is a binary workbook (.xlsb); save it as .xlsx');
      if (name === 'xl/workbook.xml') return 'xlsx';
    }
  }
  throw new Unreadable(`it is an archive, or a document of a kind that is not supported; ${SUPPORTED_INSTEAD}`);
}

function oleKindOf(content: Uint8Array): string {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const found = OLE_KINDS.find(([stream]) => bytes.includes(stream, 0, 'utf16le'));
  return found?.[1] ?? `it is a file of old Office; ${SUPPORTED_INSTEAD}`;
}

/** What is found where a name promised something else. */
function contentInWords(content: Uint8Array): string {
  if (content.length === 0) return 'is empty';
  const head = Buffer.from(content.subarray(0, PDF_MARK_BYTES)).toString('latin1').trimStart().toLowerCase();
  if (head.startsWith('<!doctype html') || head.startsWith('<html')) {
    return 'holds a web page: what was saved may be the page of an error or of a sign-in';
  }
  return 'its content is something else';
}
