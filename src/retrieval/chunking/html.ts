import { Parser } from 'htmlparser2';
import type { ParsedDocument } from './document.js';
import { SectionBuilder } from './section-builder.js';
import { SourceMap } from './source-map.js';

/** Their content is not text for a reader. */
const HIDDEN = new Set(['script', 'style', 'template', 'noscript', 'svg', 'iframe', 'object', 'select', 'button']);
/** Stay in one block, their rows on lines of their own. */
const CONTAINERS = new Set(['ul', 'ol', 'dl', 'table', 'pre']);
const BREAKS = new Set(
  'address article aside blockquote body dd details dialog div dt fieldset figcaption figure footer form header hr li main nav p section summary tbody thead tr caption br'.split(
    ' ',
  ),
);
const HEADING = /^h([1-6])$/;

/** HTML: the text a reader sees, split like Markdown: headings make sections, tables, lists and `pre` stay whole. */
export function parseHtml(html: string, fallbackTitle: string): ParsedDocument {
  const sections = new SectionBuilder(fallbackTitle);
  const map = new SourceMap();
  const inside = { hidden: 0, container: 0, pre: 0, title: 0 };
  let title = '';
  let headingLevel: number | null = null;
  let blockStart = 0;
  let blockKind: 'prose' | 'lines' = 'prose';

  const endBlock = () => {
    const range = map.trimmed(blockStart);
    if (headingLevel !== null) sections.heading(headingLevel, map.text.slice(range.start, range.end), range);
    else if (range.end > range.start) sections.block(blockKind, range);
    headingLevel = null;
    blockKind = 'prose';
    map.separate('\n\n');
    blockStart = map.length;
  };

  const parser = new Parser({
    onopentag(name) {
      if (HIDDEN.has(name)) inside.hidden += 1;
      if (name === 'title') inside.title += 1;
      if (name === 'pre') inside.pre += 1;
      const level = HEADING.exec(name);
      if (CONTAINERS.has(name)) {
        if (inside.container++ === 0) {
          endBlock();
          blockKind = 'lines';
        } else map.separate('\n');
      } else if (inside.container > 0) {
        if (name === 'td' || name === 'th') map.separate(' | ');
        else if (BREAKS.has(name) || level) map.separate('\n');
      } else if (level) {
        endBlock();
        headingLevel = Number(level[1]);
      } else if (headingLevel !== null) {
        if (BREAKS.has(name)) map.separate(' ');
      } else if (name === 'br') map.separate('\n');
      else if (BREAKS.has(name)) endBlock();
    },
    ontext(data) {
      if (inside.hidden > 0) return;
      if (inside.title > 0) title += data;
      else map.append(data, parser.startIndex, parser.endIndex + 1, inside.pre > 0);
    },
    onclosetag(name) {
      if (HIDDEN.has(name)) inside.hidden -= 1;
      if (name === 'title') inside.title -= 1;
      if (name === 'pre') inside.pre -= 1;
      if (CONTAINERS.has(name)) {
        if (--inside.container === 0) endBlock();
        else map.separate('\n');
      } else if (inside.container > 0) {
        if (BREAKS.has(name) || HEADING.test(name)) map.separate('\n');
      } else if (HEADING.test(name) || (BREAKS.has(name) && name !== 'br' && headingLevel === null)) endBlock();
    },
  });
  parser.write(html);
  parser.end();
  endBlock();
  if (title.trim()) sections.title(title);
  return { text: map.text, blocks: sections.blocks(), sourceRange: (range) => map.sourceRange(range) };
}
