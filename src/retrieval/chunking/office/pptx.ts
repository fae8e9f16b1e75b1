import type { Block, ParsedBinary } from '../document.js';
import { LocatedText } from '../located-text.js';
import { partOfType, relationsOf } from './parts.js';
import { foreignAttribute, readXml } from './xml.js';
import type { Zip } from './zip.js';

interface Shape {
  readonly isTitle: boolean;
  /** Of a table. */
  readonly hasHeader: boolean;
  readonly kind: Block['kind'];
  readonly lines: string[];
}

const TITLES = new Set(['title', 'ctrTitle']);
/** The same on every slide. */
const FURNITURE = new Set(['sldNum', 'dt', 'ftr', 'hdr', 'sldImg']);
const NOTES = 'Notes';

/** A presentation: each slide is a section under its title, in the order they are shown, its speaker's notes below it. */
export function parsePptx(zip: Zip, title: string): ParsedBinary {
  const presentation = partOfType(relationsOf(zip, ''), 'officeDocument') ?? 'ppt/presentation.xml';
  const relations = relationsOf(zip, presentation);
  const slides: string[] = [];
  readXml(zip.text(presentation), {
    open(name, attributes) {
      const slide = name === 'sldId' ? relations.get(foreignAttribute(attributes, 'id') ?? '') : undefined;
      if (slide?.type === 'slide') slides.push(slide.part);
    },
  });

  const located = new LocatedText();
  const blocks: Block[] = [];
  const add = (shapes: readonly Shape[], headings: readonly string[], number: number) => {
    for (const { kind, lines, hasHeader } of shapes) {
      const [first, ...others] = lines.map((line) => located.line(line, number));
      const block = { kind, headings, start: first!.start, end: (others.at(-1) ?? first!).end };
      blocks.push(hasHeader && others.length > 0 ? { ...block, headerEnd: first!.end } : block);
      located.gap();
    }
  };
  for (const [index, slide] of slides.entries()) {
    const number = index + 1;
    const shapes = readShapes(zip.text(slide));
    const titles = shapes.filter(({ isTitle }) => isTitle);
    const body = shapes.filter(({ isTitle }) => !isTitle);
    const notesPart = partOfType(relationsOf(zip, slide), 'notesSlide');
    const notes = notesPart === null ? [] : readShapes(zip.text(notesPart));
    const heading = titles.flatMap(({ lines }) => lines).join(' ');
    const headings = heading === '' ? [title] : [title, heading];
    // A slide that is a title alone is found by it.
    add(body.length + notes.length === 0 ? titles : body, headings, number);
    add(notes, [...headings, NOTES], number);
  }
  return { text: located.text, blocks, locationOf: (range) => ({ type: 'slide', ...located.numbersOf(range) }) };
}

/** The texts of a slide, a shape or table each. */
function readShapes(xml: string): Shape[] {
  const shapes: Shape[] = [];
  let placeholder = '';
  let shape: string[] = [];
  let paragraph = '';
  let isText = false;
  let table: { readonly hasHeader: boolean; readonly rows: string[]; cells: string[] } | null = null;
  const push = (kind: Block['kind'], lines: readonly string[], hasHeader = false) => {
    const filled = lines.filter((line) => line !== '');
    if (filled.length === 0 || FURNITURE.has(placeholder)) return;
    shapes.push({ isTitle: TITLES.has(placeholder), hasHeader, kind, lines: filled });
  };
  readXml(xml, {
    open(name, attributes) {
      if (name === 'sp') {
        placeholder = '';
        shape = [];
      } else if (name === 'ph') placeholder = attributes.type ?? 'body';
      else if (name === 'tbl') table = { hasHeader: false, rows: [], cells: [] };
      else if (name === 'tblPr' && table) table = { ...table, hasHeader: attributes.firstRow === '1' };
      else if (name === 'tr' && table) table.cells = [];
      else if (name === 'tc') shape = [];
      else if (name === 'p') paragraph = '';
      else if (name === 'br') paragraph += ' ';
      else if (name === 't') isText = true;
    },
    text(data) {
      if (isText) paragraph += data;
    },
    close(name) {
      if (name === 't') isText = false;
      else if (name === 'p') shape.push(paragraph.replace(/\s+/g, ' ').trim());
      else if (name === 'tc') table?.cells.push(shape.join('; '));
      else if (name === 'tr' && table) table.rows.push(`| ${table.cells.join(' | ')} |`);
      else if (name === 'tbl' && table) {
        placeholder = '';
        push('table', table.rows, table.hasHeader);
        table = null;
      } else if (name === 'sp') push('lines', shape);
    },
  });
  return shapes;
}
