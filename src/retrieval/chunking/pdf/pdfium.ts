import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PDFiumModule } from '@hyzyla/pdfium';
import { DAMAGED, Unreadable } from '../unreadable.js';

/** A line of text as it stands on a page. */
export interface PdfLine {
  readonly text: string;
  /** Of its first letter, in points. */
  readonly size: number;
  readonly isBold: boolean;
  /** Of its baseline, in points from the bottom of the page. */
  readonly y: number;
  /** Of the baseline of its last word, which a hyphen may have brought from the next line. */
  readonly bottom: number;
}

/** What is called of PDFium (public/fpdf_text.h, fpdfview.h), by pointers and positions. */
interface Pdfium {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF64: Float64Array;
  _malloc(bytes: number): number;
  _FPDF_InitLibrary(): void;
  _FPDF_LoadMemDocument(data: number, bytes: number, password: number): number;
  _FPDF_GetLastError(): number;
  _FPDF_GetPageCount(document: number): number;
  _FPDF_LoadPage(document: number, index: number): number;
  _FPDF_ClosePage(page: number): void;
  _FPDFText_LoadPage(page: number): number;
  _FPDFText_ClosePage(text: number): void;
  _FPDFText_CountChars(text: number): number;
  _FPDFText_GetUnicode(text: number, index: number): number;
  _FPDFText_GetFontSize(text: number, index: number): number;
  _FPDFText_GetFontWeight(text: number, index: number): number;
  _FPDFText_GetFontInfo(text: number, index: number, name: number, bytes: number, flags: number): number;
  _FPDFText_GetCharOrigin(text: number, index: number, x: number, y: number): number;
}

const PASSWORD_ERROR = 4;
const UNKNOWN_SECURITY = 5;
const BOLD = 600;
/** For the name of a font, or for a point. */
const BUFFER_BYTES = 128;
/** What PDFium gives for a hyphen that a line break made. */
const LINE_HYPHEN = 2;
const LINE_END = /[\n\r]/;
/** What leads the eye from a title to its page number. */
const DOT_LEADER = /(?:\s*\.){5,}\s*/g;

/** Node has it; TypeScript knows it of browsers alone. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<object>;
};

let compiled: Promise<object> | null = null;

/**
 * The lines of a PDF's pages, in reading order as far as the file tells it. PDFium runs in WebAssembly, in a memory of
 * its own for each file: what one breaks no other sees.
 * @throws Unreadable
 */
export async function* readPdfPages(content: Uint8Array): AsyncGenerator<PdfLine[]> {
  const pdfium = await start();
  const data = pdfium._malloc(content.length);
  pdfium.HEAPU8.set(content, data);
  const document = pdfium._FPDF_LoadMemDocument(data, content.length, 0);
  if (document === 0) throw new Unreadable(reasonOf(pdfium._FPDF_GetLastError()));
  const buffer = pdfium._malloc(BUFFER_BYTES);
  const count = pdfium._FPDF_GetPageCount(document);
  for (let index = 0; index < count; index++) {
    const page = pdfium._FPDF_LoadPage(document, index);
    const text = page === 0 ? 0 : pdfium._FPDFText_LoadPage(page);
    yield text === 0 ? [] : linesOf(pdfium, text, buffer);
    if (text !== 0) pdfium._FPDFText_ClosePage(text);
    if (page !== 0) pdfium._FPDF_ClosePage(page);
  }
}

function linesOf(pdfium: Pdfium, text: number, buffer: number): PdfLine[] {
  const lines: PdfLine[] = [];
  let line = '';
  let first = -1;
  let last = -1;
  const end = () => {
    const shown = line.replace(DOT_LEADER, ' … ').replace(/\s+/g, ' ').trim();
    if (shown !== '') {
      lines.push({
        text: shown,
        size: pdfium._FPDFText_GetFontSize(text, first),
        isBold: isBold(pdfium, text, first, buffer),
        y: baseline(pdfium, text, first, buffer),
        bottom: baseline(pdfium, text, last, buffer),
      });
    }
    line = '';
    first = -1;
  };
  const count = pdfium._FPDFText_CountChars(text);
  for (let index = 0; index < count; index++) {
    const code = pdfium._FPDFText_GetUnicode(text, index);
    // Glyphs without a meaning have none, or what is no character.
    const char = code === 0 || code > 0x10ffff ? '' : String.fromCodePoint(code);
    if (code === LINE_HYPHEN) line += '\u00ad';
    else if (LINE_END.test(char)) {
      // A word that a line break cut goes on in the next line: it stays with the line that it began in.
      if (!line.endsWith('\u00ad')) end();
    } else {
      if (char.trim() !== '') {
        if (first < 0) first = index;
        last = index;
      }
      line += char;
    }
  }
  end();
  return lines;
}

function baseline(pdfium: Pdfium, text: number, index: number, buffer: number): number {
  pdfium._FPDFText_GetCharOrigin(text, index, buffer, buffer + Float64Array.BYTES_PER_ELEMENT);
  return pdfium.HEAPF64[buffer / Float64Array.BYTES_PER_ELEMENT + 1]!;
}

/** Fonts that are not in the file have no weight, but a name. */
function isBold(pdfium: Pdfium, text: number, index: number, buffer: number): boolean {
  if (pdfium._FPDFText_GetFontWeight(text, index) >= BOLD) return true;
  const bytes = pdfium._FPDFText_GetFontInfo(text, index, buffer, BUFFER_BYTES, 0);
  const name = pdfium.HEAPU8.subarray(buffer, buffer + Math.min(bytes, BUFFER_BYTES));
  return /bold|black|heavy/i.test(Buffer.from(name).toString('latin1'));
}

async function start(): Promise<Pdfium> {
  compiled ??= readFile(createRequire(import.meta.url).resolve('@hyzyla/pdfium/pdfium.wasm')).then(WebAssembly.compile);
  const module = await compiled;
  const options = {
    instantiateWasm(imports: object, done: (instance: object) => void) {
      void WebAssembly.instantiate(module, imports).then(done);
      return {};
    },
    print() {},
    printErr() {},
  };
  const pdfium = (await PDFiumModule(options as never)) as unknown as Pdfium;
  pdfium._FPDF_InitLibrary();
  return pdfium;
}

function reasonOf(error: number): string {
  if (error === PASSWORD_ERROR) return 'it is protected with a password; save it without one';
  if (error === UNKNOWN_SECURITY) return 'it is protected in a way that is not supported; save it without protection';
  return DAMAGED;
}
