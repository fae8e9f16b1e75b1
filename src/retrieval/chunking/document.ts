import type { PassageLocation } from '../../contracts/retrieval.js';

/** What the parsers hand to the packer: a text, and the pieces of it that should stay together. */

/** `prose` is cut at sentences, `lines` (code, lists) at blank lines and line ends, `table` at line ends. */
export type BlockKind = 'prose' | 'lines' | 'table';

/** A range of `ParsedDocument.text`, in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Block extends Range {
  readonly kind: BlockKind;
  /** From the document's title down; blocks of one section share the same array. */
  readonly headings: readonly string[];
  /** Where the names of a table's columns end, which its start is; they are repeated before rows that are cut off from it. */
  readonly headerEnd?: number;
}

export interface ParsedDocument {
  /** Passages are slices of it (rows of a table after its header). It is the file's text where that has no markup, else the text that a reader sees. */
  readonly text: string;
  /** In order, without overlaps. Together with the headings they hold everything that is not blank. */
  readonly blocks: readonly Block[];
}

/** A document whose file is a text. */
export interface ParsedText extends ParsedDocument {
  /** Where a range of `text` stands in the file's text. */
  sourceRange(range: Range): Range;
}

/** A document whose file is no text: what is shown of it stands nowhere in its bytes as it is. */
export interface ParsedBinary extends ParsedDocument {
  /** Where a range of `text` stands, by the numbers that people look it up by; null where there are none. */
  locationOf(range: Range): PassageLocation | null;
}

export const asIs = (range: Range): Range => range;
