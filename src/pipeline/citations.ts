import type { ScoredPassage } from '../contracts/retrieval.js';
import { passageTitle } from './prompt.js';

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
  readonly file_citation: { readonly index: number; readonly file_id: string; readonly filename: string };
}

/** One passage that was given, in the shape of Azure's On Your Data; `[1]` in the text is the first of them. */
export interface Citation {
  readonly content: string;
  readonly title: string;
  readonly url: null;
  readonly filepath: string;
  readonly chunk_id: string;
  readonly file_id: string;
}

/** Finds the markers `[n]` of passages that were given; other numbers in brackets are text. */
export function annotate(text: string, passages: readonly ScoredPassage[]): CitationAnnotation[] {
  const annotations: CitationAnnotation[] = [];
  for (const marker of text.matchAll(/\[(\d{1,4})\]/g)) {
    const passage = passages[Number(marker[1]) - 1];
    if (passage === undefined) continue;
    const { index } = marker;
    const { fileId, filename } = passage;
    annotations.push({
      type: 'url_citation',
      url_citation: {
        start_index: index,
        end_index: index + marker[0].length,
        url: `/v1/files/${fileId}/content`,
        title: passageTitle(passage),
      },
      file_citation: { index, file_id: fileId, filename },
    });
  }
  return annotations;
}

export function toCitation(passage: ScoredPassage): Citation {
  return {
    content: passage.text,
    title: passageTitle(passage),
    url: null,
    filepath: passage.filename,
    chunk_id: passage.id,
    file_id: passage.fileId,
  };
}
