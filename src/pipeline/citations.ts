import type { PassageLocation, ScoredPassage } from '../contracts/retrieval.js';
import { type Numbered, passageTitle } from './prompt.js';

/**
 * Annotation of one citation. OpenAI's clients know one kind in a chat, `url_citation`, and some refuse an answer with
 * any other (decision 0016); which file it is stands beside it. Indexes count UTF-16 units.
 */
export interface CitationAnnotation {
  readonly type: 'url_citation';
  readonly url_citation: {
    readonly start_index: number;
    readonly end_index: number;
    readonly url: string;
    readonly title: string;
  };
  readonly file_citation: {
    readonly index: number;
    readonly file_id: string;
    readonly filename: string;
    readonly location: PassageLocation | null;
  };
}

/** A passage that was found, but not given. */
export interface LeftOut {
  readonly title: string;
  readonly filepath: string;
  readonly chunk_id: string;
  readonly file_id: string;
  readonly location: PassageLocation | null;
}

/** One passage that was given, in the shape of Azure's On Your Data. */
export interface Citation extends LeftOut {
  /** What stands for it in the text, e.g. `[1]`. */
  readonly marker: string;
  readonly content: string;
  readonly url: null;
}

/** Blocks between fences, the last one perhaps without its end, and code within a line. */
const CODE = /^[ \t]*(`{3,}|~{3,})[\s\S]*?(?:^[ \t]*\1|(?![\s\S]))|(?<!`)(`+)(?!`)(?:(?!\n\s*\n)[\s\S])*?[^`]\2(?!`)/gm;
/** Numbers in brackets, one behind the other. What they follow tells `argv[2]` and `rows['a'][3]` from citations. */
const MARKERS = /(?<![\p{L}_][\p{L}\p{N}_]*|\])(?:\[\d{1,6}\])+(?!\()/gu;

/** Finds the markers `[n]` of passages that were given; other numbers in brackets, and code, are text. */
export function annotate(text: string, passages: readonly Numbered<ScoredPassage>[]): CitationAnnotation[] {
  const byNumber = new Map(passages.map(({ number, passage }) => [number, passage]));
  // Blanked out and not cut out, so that positions stay.
  const prose = text.replace(CODE, (code) => ' '.repeat(code.length));
  const annotations: CitationAnnotation[] = [];
  for (const run of prose.matchAll(MARKERS)) {
    for (const marker of run[0].matchAll(/\[(\d+)\]/g)) {
      const passage = byNumber.get(Number(marker[1]));
      if (passage === undefined) continue;
      annotations.push(toAnnotation(passage, run.index + marker.index, marker[0].length));
    }
  }
  return annotations;
}

export function toCitation({ number, passage }: Numbered<ScoredPassage>): Citation {
  return { marker: `[${number}]`, content: passage.text, ...toLeftOut(passage), url: null };
}

export function toLeftOut(passage: ScoredPassage): LeftOut {
  const { filename, id, fileId, location } = passage;
  return { title: citedAs(passage), filepath: filename, chunk_id: id, file_id: fileId, location };
}

function toAnnotation(passage: ScoredPassage, index: number, length: number): CitationAnnotation {
  const { fileId, filename, location } = passage;
  return {
    type: 'url_citation',
    url_citation: {
      start_index: index,
      end_index: index + length,
      // Viewers of PDF open the page that stands there (RFC 8118).
      url: `/v1/files/${fileId}/content${location?.type === 'page' ? `#page=${location.first}` : ''}`,
      title: citedAs(passage),
    },
    file_citation: { index, file_id: fileId, filename, location },
  };
}

/** Its headings, and where to turn to: `Fees › Cards (pages 3–4)`. */
function citedAs(passage: ScoredPassage): string {
  const title = passageTitle(passage);
  if (passage.location === null) return title;
  const { type, first, last, sheet } = passage.location;
  const place = first === last ? `${type} ${first}` : `${type}s ${first}–${last}`;
  return `${title} (${sheet === undefined ? place : `${sheet}, ${place}`})`;
}
