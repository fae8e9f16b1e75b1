import type { SourceMap } from './source-map.js';

interface Piece {
  readonly data: string;
  readonly start: number;
  readonly end: number;
}

interface Cell {
  readonly isHeader: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Where its tag stands in the source. */
  readonly position: number;
  readonly pieces: Piece[];
  /** What to put before further text. */
  gap: string;
}

/** A cell that reaches down into further rows. */
interface Reach {
  readonly text: string;
  rowsLeft: number;
}

const MAX_COLUMNS = 100;
/** Longer cells are not repeated in the other columns and rows that they span: they are text, not a value. */
const MAX_REPEATED_CHARS = 200;

/**
 * Writes the rows of an HTML table as lines, `| one | two |`: each value stays in its column, whatever is empty, spans
 * several columns or rows, or holds line breaks.
 */
export class HtmlTable {
  readonly #map: SourceMap;
  /** Characters that may still be repeated for spanning cells: a page must not become a multiple of itself. */
  #spare: number;
  #reaches: (Reach | undefined)[] = [];
  #row: Cell[] | null = null;
  #cell: Cell | null = null;
  #isInHead = false;
  #rows = 0;
  #headerRows = 0;
  #headerEnd: number | null = null;
  /** A table that holds other blocks puts them beside each other: its rows are no records. */
  #isLayout = false;

  constructor(map: SourceMap, spareChars: number) {
    this.#map = map;
    this.#spare = spareChars;
  }

  get isLayout(): boolean {
    return this.#isLayout;
  }

  get isInCell(): boolean {
    return this.#cell !== null;
  }

  /** Where the rows of column names end in the text; null without any. */
  get headerEnd(): number | null {
    return this.#headerEnd;
  }

  /** A group of rows starts or ends. */
  head(isOpen: boolean): void {
    this.endRow();
    this.#isInHead = isOpen;
  }

  startRow(): void {
    this.endRow();
  }

  startCell(isHeader: boolean, attributes: Readonly<Record<string, string>>, position: number): void {
    this.#row ??= [];
    this.#cell = {
      isHeader,
      columns: Math.min(MAX_COLUMNS, span(attributes.colspan)),
      rows: span(attributes.rowspan),
      position,
      pieces: [],
      gap: '',
    };
    this.#row.push(this.#cell);
  }

  endCell(): void {
    this.#cell = null;
  }

  /** False where the text is in no cell. */
  text(data: string, start: number, end: number): boolean {
    const cell = this.#cell;
    if (cell === null) return false;
    const isBlank = data.trim() === '';
    if (isBlank && cell.pieces.length === 0) return true;
    if (!isBlank && cell.gap !== '') {
      while (cell.pieces.at(-1)!.data.trim() === '') cell.pieces.pop();
      const last = cell.pieces.pop()!;
      cell.pieces.push({ ...last, data: last.data.trimEnd() }, { data: cell.gap, start, end: start });
      cell.gap = '';
    }
    cell.pieces.push({ data, start, end });
    return true;
  }

  /** Lines of the open cell become parts of one: a break is a space, the end of a block or an item more. */
  break(isBlock: boolean): void {
    const cell = this.#cell!;
    if (cell.pieces.length > 0) cell.gap = isBlock || cell.gap === '; ' ? '; ' : ' ';
  }

  /** Something is within a cell that a line cannot hold: what the row has so far are lines, and so is what follows. */
  becomeLayout(): void {
    const row = this.#row ?? [];
    this.#isLayout = true;
    this.#row = null;
    this.#cell = null;
    for (const { pieces } of row) {
      this.#map.separate('\n');
      for (const { data, start, end } of pieces) this.#map.append(data, start, end, false);
    }
  }

  endRow(): void {
    const row = this.#row ?? [];
    this.#row = null;
    this.#cell = null;
    if (row.every(({ pieces }) => pieces.length === 0)) return;
    const isHeader = this.#isInHead || row.every((cell) => cell.isHeader);
    this.#map.separate('\n');
    this.#map.mark('|', row[0]!.position);
    this.#map.separate(' ');
    let column = 0;
    let end = row[0]!.position;
    for (const cell of row) {
      column = this.#reachedFrom(column, cell.position);
      const start = this.#map.length;
      for (const { data, start, end } of cell.pieces) this.#map.append(data, start, end, false);
      const text = this.#map.text.slice(start).trim();
      end = cell.pieces.at(-1)?.end ?? cell.position;
      this.#endOfCell(end);
      for (let n = 0; n < cell.columns; n++, column++) {
        if (n > 0) this.#repeat(text, end);
        this.#reaches[column] = cell.rows > 1 ? { text, rowsLeft: cell.rows - 1 } : undefined;
      }
    }
    this.#reachedFrom(column, end);
    this.#map.separate('\n');
    if (isHeader && this.#headerRows === this.#rows) {
      this.#headerRows += 1;
      this.#headerEnd = this.#map.length;
    }
    this.#rows += 1;
  }

  /** Fills the columns that cells of rows above reach into; gives the first that is free. */
  #reachedFrom(column: number, position: number): number {
    let reach = this.#reaches[column];
    while (reach !== undefined) {
      this.#repeat(reach.text, position);
      reach.rowsLeft -= 1;
      if (reach.rowsLeft === 0) this.#reaches[column] = undefined;
      column += 1;
      reach = this.#reaches[column];
    }
    return column;
  }

  #repeat(text: string, position: number): void {
    const repeated = text.length <= MAX_REPEATED_CHARS ? text : '';
    this.#spare -= repeated.length + 1;
    if (this.#spare < 0) return;
    this.#map.separate(' ');
    if (repeated !== '') this.#map.mark(repeated, position);
    this.#endOfCell(position);
  }

  #endOfCell(position: number): void {
    this.#map.separate(' ');
    this.#map.mark('|', position);
    this.#map.separate(' ');
  }
}

function span(value: string | undefined): number {
  const count = Number.parseInt(value ?? '', 10);
  return count > 1 ? Math.min(count, 65_534) : 1;
}
