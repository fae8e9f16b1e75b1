import type { Block, ParsedBinary } from '../document.js';
import { joinDocuments, LocatedText } from '../located-text.js';
import { isValue } from '../table.js';
import { loadCellFormats } from './cell-format.js';
import { partOfType, relationsOf } from './parts.js';
import { foreignAttribute, readXml } from './xml.js';
import type { Zip } from './zip.js';

interface Row {
  readonly number: number;
  /** By column, from 0 on; holes are empty cells. */
  readonly cells: string[];
}

/** The last row that Excel has. */
const MAX_ROW = 1_048_576;
/** Empty columns between two values that are written; more of them say no more. */
const MAX_GAP = 100;
/** What merged cells may add: a sheet must not become a multiple of itself. */
const MAX_REPEATED_CELLS = 100_000;

/** A workbook: each sheet that is shown is a section, each run of rows a table, as `| a | b |`, in the form that the cells show. */
export function parseXlsx(zip: Zip, title: string): ParsedBinary {
  const workbook = partOfType(relationsOf(zip, ''), 'officeDocument') ?? 'xl/workbook.xml';
  const relations = relationsOf(zip, workbook);
  const sheets: { readonly name: string; readonly part: string }[] = [];
  let isDate1904 = false;
  readXml(zip.text(workbook), {
    open(name, attributes) {
      if (name === 'workbookPr') isDate1904 = attributes.date1904 === '1' || attributes.date1904 === 'true';
      if (name !== 'sheet' || (attributes.state ?? 'visible') !== 'visible') return;
      const relation = relations.get(foreignAttribute(attributes, 'id') ?? '');
      if (relation?.type === 'worksheet') sheets.push({ name: attributes.name ?? '', part: relation.part });
    },
  });
  const strings = readStrings(zip.text(partOfType(relations, 'sharedStrings') ?? ''));
  const formats = loadCellFormats(zip.text(partOfType(relations, 'styles') ?? ''), isDate1904);
  return joinDocuments(
    sheets.map(({ name, part }) => ({
      headings: [title],
      document: toDocument(name, readRows(zip.text(part), strings, formats)),
    })),
  );
}

/** The texts that cells name by number. Readings of characters (`rPh`) stand beside a text and are none of it. */
function readStrings(xml: string): string[] {
  const strings: string[] = [];
  let text = '';
  let isText = false;
  let isReading = false;
  readXml(xml, {
    open(name) {
      if (name === 'si') text = '';
      else if (name === 't') isText = !isReading;
      else if (name === 'rPh') isReading = true;
    },
    text(data) {
      if (isText) text += data;
    },
    close(name) {
      if (name === 'si') strings.push(text);
      else if (name === 't') isText = false;
      else if (name === 'rPh') isReading = false;
    },
  });
  return strings;
}

function readRows(xml: string, strings: readonly string[], format: (value: string, style: number) => string): Row[] {
  const rows: Row[] = [];
  let cell = { column: -1, type: 'n', style: 0, value: '', formula: '' };
  let into: 'value' | 'formula' | null = null;
  let isReading = false;
  let repeated = 0;
  let byNumber: Map<number, Row> | null = null;
  const shown = ({ type, style, value, formula }: typeof cell) => {
    if (value === '') return formula === '' ? '' : `=${formula}`;
    if (type === 's') return strings[Number(value)] ?? '';
    if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
    return type === 'n' ? format(value, style) : value;
  };
  readXml(xml, {
    open(name, attributes) {
      if (name === 'row') {
        const next = (rows.at(-1)?.number ?? 0) + 1;
        const stated = Number(attributes.r);
        rows.push({ number: stated > next && stated <= MAX_ROW ? Math.trunc(stated) : next, cells: [] });
        cell.column = -1;
      } else if (name === 'c' && rows.length > 0) {
        const { r, t = 'n', s = '0' } = attributes;
        cell = { column: columnOf(r) ?? cell.column + 1, type: t, style: Number(s), value: '', formula: '' };
      } else if (name === 'rPh') isReading = true;
      else if (name === 'v' || name === 't') into = isReading ? null : 'value';
      else if (name === 'f') into = 'formula';
      else if (name === 'mergeCell') {
        byNumber ??= new Map(rows.map((row) => [row.number, row]));
        repeated += repeat(byNumber, attributes.ref ?? '', MAX_REPEATED_CELLS - repeated);
      }
    },
    text(data) {
      if (into !== null) cell[into] += data;
    },
    close(name) {
      if (name === 'rPh') isReading = false;
      if (name === 'v' || name === 't' || name === 'f') into = null;
      const text = name === 'c' && rows.length > 0 ? oneLine(shown(cell)) : '';
      if (text !== '') rows.at(-1)!.cells[cell.column] = text;
    },
  });
  return rows;
}

/** Gives the value of a merged cell to all rows and columns that it spans, at most `most`; returns how many. */
function repeat(rows: ReadonlyMap<number, Row>, ref: string, most: number): number {
  const [from, to] = ref.split(':');
  const [left, right, top, bottom] = [columnOf(from), columnOf(to), rowOf(from), rowOf(to)];
  if (left === null || right === null) return 0;
  const first = rows.get(top);
  const value = first?.cells[left];
  const cells = (bottom - top + 1) * (right - left + 1);
  // What spans the whole width is a title, and says nothing more by being repeated.
  const isTitle = bottom === top && first && Object.keys(first.cells).length === 1;
  if (value === undefined || !(cells <= most) || isTitle) return 0;
  for (let number = top; number <= bottom; number++) {
    const row = rows.get(number);
    if (row) for (let column = left; column <= right; column++) row.cells[column] ??= value;
  }
  return cells;
}

/** Rows between empty ones make a table; those above it that hold one cell alone are text. */
function toDocument(sheet: string, rows: readonly Row[]): ParsedBinary {
  const located = new LocatedText();
  const blocks: Block[] = [];
  const headings = [sheet];
  const filled = rows.filter(({ cells }) => cells.length > 0);
  let table: Row[] = [];
  const close = () => {
    const isAlone = (row: Row) => Object.keys(row.cells).length === 1;
    const firstOfTable = table.findIndex((row) => !isAlone(row));
    // A column of single values is a list, not a row of titles.
    const titles = firstOfTable < 0 && table.length > 1 ? 0 : firstOfTable < 0 ? table.length : firstOfTable;
    for (const row of table.slice(0, titles)) {
      blocks.push({ kind: 'prose', headings, ...located.line(row.cells.at(-1)!, row.number) });
    }
    const records = table.slice(titles);
    const left = records.reduce((least, { cells }) => Math.min(least, cells.findIndex(Boolean)), Infinity);
    const lines = records.map((row) => located.line(toLine(row.cells, left), row.number));
    const [first] = lines;
    if (first) {
      const isHeader = lines.length > 1 && !isAlone(records[0]!) && !records[0]!.cells.some((cell) => isValue(cell));
      const block = { kind: 'table' as const, headings, start: first.start, end: lines.at(-1)!.end };
      blocks.push(isHeader ? { ...block, headerEnd: first.end } : block);
    }
    located.gap();
    table = [];
  };
  for (const row of filled) {
    if (table.length > 0 && row.number > table.at(-1)!.number + 1) close();
    table.push(row);
  }
  if (table.length > 0) close();
  return {
    text: located.text,
    blocks,
    locationOf: (range) => ({ type: 'row', sheet, ...located.numbersOf(range) }),
  };
}

function toLine(cells: readonly string[], left: number): string {
  let line = '|';
  let column = left;
  cells.forEach((cell, index) => {
    line += ' |'.repeat(Math.min(MAX_GAP, index - column));
    line += ` ${cell} |`;
    column = index + 1;
  });
  return line;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** `AB12` is column 27; null for what is no reference to a cell. */
function columnOf(reference = ''): number | null {
  const letters = /^\$?([A-Z]{1,3})\$?\d/.exec(reference)?.[1];
  if (letters === undefined) return null;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function rowOf(reference = ''): number {
  return Number(/\d+$/.exec(reference)?.[0] ?? 0);
}
