import { parse } from 'node:path';
import { Parser } from 'htmlparser2';
import { AppError } from '../../errors/app-error.js';
import { withoutInvisible } from './clean-text.js';
import type { Block, BlockKind, ParsedText, Range } from './document.js';
import { HtmlTable } from './html-table.js';
import { isMenu, type Zone, zonesToKeep, zoneWithin } from './main-content.js';
import { SectionBuilder } from './section-builder.js';
import { SourceMap } from './source-map.js';

/** Their content is not text for a reader. */
const HIDDEN = new Set(['script', 'style', 'template', 'noscript', 'svg', 'iframe', 'object', 'select', 'button']);
/** Stay in one block, their items on lines of their own. */
const CONTAINERS = new Set(['ul', 'ol', 'dl', 'pre']);
const TABLE_PARTS = new Set(['thead', 'tbody', 'tfoot', 'tr', 'td', 'th']);
const BREAKS = new Set(
  'address article aside blockquote body dd details dialog div dt fieldset figcaption figure footer form header hr li main nav p section summary caption br'.split(
    ' ',
  ),
);
const HEADING = /^h([1-6])$/;
/** What spanning cells of tables may add to a small page. */
const LEAST_SPARE_CHARS = 10_000;
/** Twice as deep as a browser goes. Each end tag is looked for among the open elements, so without a limit time grows with the square. */
const MAX_DEPTH = 1024;

/**
 * HTML: the text that a reader came for, without what is on every page of a site, split like Markdown: headings make
 * sections, lists and `pre` stay whole, tables are lines of cells.
 * @param stated a title that is known, which no first heading takes the place of
 * @throws AppError `document_too_complex` for elements too deep within each other
 */
export function parseHtml(html: string, filename: string, stated: string | null = null): ParsedText {
  const pieces: Piece[] = [];
  /** Of the elements that are open. */
  const zones: Zone[] = [];
  let links = 0;
  let linkChars = 0;
  const map = new SourceMap();
  const inside = { hidden: 0, container: 0, pre: 0, title: 0, link: 0 };
  const tables: HtmlTable[] = [];
  let title = '';
  let headingLevel: number | null = null;
  let blockStart = 0;
  let depth = 0;

  const endBlock = (kind: BlockKind = inside.container > 0 ? 'lines' : 'prose', headerEnd?: number) => {
    const range = map.trimmed(blockStart);
    const chars = range.end - range.start;
    const zone = zones.at(-1) ?? 'body';
    if (headingLevel !== null) pieces.push({ zone, chars: 0, range, heading: headingLevel });
    else if (chars > 0) {
      const isOfFrame = zone === 'body' && kind !== 'table' && isMenu({ chars, links, linkChars });
      pieces.push({ zone: isOfFrame ? 'frame' : zone, chars, range, kind, headerEnd });
    }
    headingLevel = null;
    links = 0;
    linkChars = 0;
    map.separate('\n\n');
    blockStart = map.length;
  };

  /** What a line cannot hold is within a cell: the table only puts things beside each other. */
  const leaveCell = () => {
    if (!tables.at(-1)?.isInCell) return;
    tables.at(-1)!.becomeLayout();
    endBlock('lines');
  };

  const openTable = () => {
    leaveCell();
    endBlock();
    tables.push(new HtmlTable(map, Math.max(LEAST_SPARE_CHARS, html.length)));
  };

  const closeTable = () => {
    const table = tables.pop();
    table?.endRow();
    if (table?.isLayout) endBlock();
    else endBlock('table', table?.headerEnd ?? undefined);
  };

  const openTablePart = (table: HtmlTable, name: string, attributes: Readonly<Record<string, string>>) => {
    if (table.isLayout) endBlock();
    else if (name === 'tr') table.startRow();
    else if (name === 'td' || name === 'th') table.startCell(name === 'th', attributes, parser.startIndex);
    else table.head(name === 'thead');
  };

  /** The start or end of something that has a line, or a block, of its own. */
  const breakFlow = (name: string, isHeading: boolean) => {
    if (!BREAKS.has(name) && !isHeading) return;
    const table = tables.at(-1);
    if (inside.container > 0 || (table && !table.isLayout)) map.separate('\n');
    else if (headingLevel !== null && !isHeading) map.separate(' ');
    else if (name === 'br') map.separate('\n');
    else endBlock();
  };

  const parser = new Parser({
    onopentag(name, attributes) {
      depth += 1;
      if (depth > MAX_DEPTH) {
        const reason = `its elements lie more than ${MAX_DEPTH} deep within each other`;
        throw new AppError('document_too_complex', { filename, reason });
      }
      if (HIDDEN.has(name)) inside.hidden += 1;
      if (name === 'title') inside.title += 1;
      const table = tables.at(-1);
      const level = HEADING.exec(name);
      if (name === 'table') openTable();
      else if (table && TABLE_PARTS.has(name)) openTablePart(table, name, attributes);
      else if (table?.isInCell && name !== 'pre') {
        if (CONTAINERS.has(name) || BREAKS.has(name) || level) table.break(name !== 'br');
      } else if (CONTAINERS.has(name)) {
        leaveCell();
        if (inside.container === 0) endBlock();
        else map.separate('\n');
      } else {
        breakFlow(name, level !== null);
        if (level && inside.container === 0 && (!table || table.isLayout)) headingLevel = Number(level[1]);
      }
      if (name === 'pre') inside.pre += 1;
      if (CONTAINERS.has(name)) inside.container += 1;
      if (name === 'a') {
        inside.link += 1;
        links += 1;
      }
      const around = zones.at(-1) ?? 'body';
      // Others have no blocks of their own.
      zones.push(BREAKS.has(name) || CONTAINERS.has(name) ? zoneWithin(around, name, attributes) : around);
    },
    ontext(text) {
      if (inside.hidden > 0) return;
      // Entities bring them too.
      const data = withoutInvisible(text);
      if (inside.title > 0) title += data;
      else if (!tables.at(-1)?.text(data, parser.startIndex, parser.endIndex + 1)) {
        map.append(data, parser.startIndex, parser.endIndex + 1, inside.pre > 0);
        if (inside.link > 0) linkChars += data.trim().length;
      }
    },
    onclosetag(name) {
      depth -= 1;
      if (HIDDEN.has(name)) inside.hidden -= 1;
      if (name === 'title') inside.title -= 1;
      if (name === 'pre') inside.pre -= 1;
      if (name === 'a') inside.link -= 1;
      if (CONTAINERS.has(name)) inside.container -= 1;
      const table = tables.at(-1);
      const isHeading = HEADING.test(name);
      if (name === 'table') closeTable();
      else if (table && TABLE_PARTS.has(name)) {
        if (table.isLayout) endBlock();
        else if (name === 'td' || name === 'th') table.endCell();
        else if (name === 'tr') table.endRow();
        else table.head(false);
      } else if (table?.isInCell) {
        if (CONTAINERS.has(name) || BREAKS.has(name) || isHeading) table.break(name !== 'br');
      } else if (CONTAINERS.has(name)) {
        if (inside.container === 0) endBlock('lines');
        else map.separate('\n');
      } else if (name !== 'br') breakFlow(name, isHeading);
      zones.pop();
    },
  });
  parser.write(html);
  parser.end();
  endBlock();
  const sections = new SectionBuilder(parse(filename).name);
  if (stated !== null) sections.title(stated);
  const own = kept(pieces);
  for (const { range, heading, kind, headerEnd } of own) {
    if (heading === undefined) sections.block(kind!, range, headerEnd);
    else sections.heading(heading, map.text.slice(range.start, range.end), range);
  }
  if (title.trim()) sections.title(title);
  const isOwn = new Set(own);
  const leftOut = pieces.filter((piece) => !isOwn.has(piece)).map(({ range }) => range);
  const blocks = apart(sections.blocks(), leftOut);
  return { text: map.text, blocks, sourceRange: (range) => map.sourceRange(range) };
}

/** A heading, or a block of a kind. */
interface Piece {
  readonly zone: Zone;
  readonly chars: number;
  readonly range: Range;
  readonly heading?: number;
  readonly kind?: BlockKind;
  readonly headerEnd?: number | undefined;
}

/** Blocks of one section that something was left out between are of two: no passage may reach over it. */
function apart(blocks: readonly Block[], leftOut: readonly Range[]): Block[] {
  let next = 0;
  let section: readonly string[] = [];
  let headings: readonly string[] = [];
  return blocks.map((block) => {
    const before = next;
    while (next < leftOut.length && leftOut[next]!.start < block.start) next += 1;
    if (block.headings !== section) headings = block.headings;
    else if (next > before) headings = [...section];
    section = block.headings;
    return { ...block, headings };
  });
}

function kept(pieces: readonly Piece[]): Piece[] {
  const zones = zonesToKeep(pieces);
  const own = pieces.filter(({ zone }) => zones.has(zone));
  if (own.some(({ heading }) => heading === 1)) return own;
  // The title of many a page stands above its main part.
  const title = pieces.find(({ heading, range }) => heading === 1 && range.start < (own[0]?.range.start ?? 0));
  return title ? [title, ...own] : own;
}
