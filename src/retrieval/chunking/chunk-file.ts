import { parse } from 'node:path';
import { cleanText } from './clean-text.js';
import { parseCode } from './code.js';
import type { ParsedDocument } from './document.js';
import { type FileKind, readFileText } from './file-kinds.js';
import { parseHtml } from './html.js';
import { parseMarkdown } from './markdown.js';
import { commentsOf } from './markdown-comments.js';
import { cutPassages, type PassageLimits } from './passages.js';
import { parseTable } from './table.js';
import { parseText } from './text.js';

/** A passage as it is stored, before it has an id and an embedding. */
export interface FilePassage {
  readonly headingPath: readonly string[];
  readonly text: string;
  readonly tokens: number;
  /** Range of the file, in bytes. */
  readonly byteStart: number;
  readonly byteEnd: number;
}

/**
 * The passages of a file, lazily, so that the caller may do other work between them.
 * @throws AppError `unsupported_file`, `document_too_complex`
 */
export function* chunkFile(
  file: { readonly filename: string; readonly content: Uint8Array },
  limits: PassageLimits,
  countTokens: (text: string) => number,
): Generator<FilePassage> {
  const { kind, text: raw, bytesOf } = readFileText(file.filename, file.content);
  const clean = cleanText(raw, kind === 'markdown' ? commentsOf(raw) : []);
  const byteAt = byteCounter(raw, bytesOf);
  for (const passage of cutPassages(parseFile(kind, clean.text, file.filename), limits, countTokens)) {
    const source = clean.sourceRange(passage.source);
    yield {
      headingPath: passage.headings,
      text: passage.text,
      tokens: passage.tokens,
      byteStart: byteAt(source.start),
      byteEnd: byteAt(source.end),
    };
  }
}

function parseFile(kind: FileKind, text: string, filename: string): ParsedDocument {
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
    case 'text':
      return parseText(text, name);
  }
}

/** Offsets in the file of positions in its text. Fast where positions lie near the one asked for before. */
function byteCounter(text: string, bytesOf: (piece: string) => number): (position: number) => number {
  let at = { position: 0, bytes: 0 };
  return (position) => {
    const bytes =
      position >= at.position
        ? at.bytes + bytesOf(text.slice(at.position, position))
        : at.bytes - bytesOf(text.slice(position, at.position));
    at = { position, bytes };
    return bytes;
  };
}
