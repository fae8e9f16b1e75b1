import { extname } from 'node:path';
import { AppError } from '../../errors/app-error.js';
import { withoutInvisible } from './clean-text.js';
import { type DecodedFile, decodeFile } from './encodings.js';

export type FileKind = 'markdown' | 'html' | 'table' | 'text' | 'code';

const EXTENSIONS: Readonly<Record<FileKind, string>> = {
  markdown: '.md .markdown .mdx .mdown',
  html: '.html .htm .xhtml',
  table: '.csv .tsv',
  text: '.txt .text .log .rst .adoc .asciidoc .org .tex',
  code: `.js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .json .jsonl .json5 .yaml .yml .toml .ini .cfg .conf .env .xml .css .scss .less
    .py .pyi .rb .php .pl .lua .r .jl .java .kt .kts .scala .groovy .gradle .go .rs .c .h .cc .cpp .cxx .hh .hpp .cs .fs .swift .m .mm
    .sh .bash .zsh .fish .ps1 .bat .sql .graphql .gql .proto .ex .exs .erl .hs .ml .mli .clj .dart .zig .nim .tf .hcl .cmake .mk
    .dockerfile .diff .patch`,
};
const KIND_BY_EXTENSION = new Map(
  (Object.keys(EXTENSIONS) as FileKind[]).flatMap((kind) =>
    EXTENSIONS[kind].split(/\s+/).map((ext) => [ext, kind] as const),
  ),
);

/** A file that can be cut into passages. */
export interface ReadableFile extends DecodedFile {
  readonly kind: FileKind;
}

/**
 * The kind of a file and its text.
 * @throws AppError `unsupported_file` for an unknown extension, for an encoding that is not read and for binary content
 */
export function readFileText(filename: string, content: Uint8Array): ReadableFile {
  const extension = extname(filename).toLowerCase();
  // Files without one (README, LICENSE, Makefile) are text.
  const kind = extension === '' ? 'text' : KIND_BY_EXTENSION.get(extension);
  const refuse = (reason: string) => new AppError('unsupported_file', { filename, reason });
  if (!kind) throw refuse(`files of type ${extension} are not supported`);
  let decoded: DecodedFile;
  try {
    decoded = decodeFile(content);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (decoded.text.includes('\0')) throw refuse('it holds binary data');
  if (withoutInvisible(decoded.text).trim() === '') throw refuse('it holds no text');
  return { kind, ...decoded };
}
