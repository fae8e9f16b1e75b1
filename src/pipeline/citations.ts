import type { ScoredPassage } from '../contracts/retrieval.js';
import { passageTitle } from './prompt.js';

/** OpenAI's annotation of one citation; `index` is where its marker stands in the text, in UTF-16 units. */
export interface FileCitation {
  readonly type: 'file_citation';
  readonly index: number;
  readonly file_id: string;
  readonly filename: string;
}

/** One passage that was given, in the shape of Azure's On Your Data; `[1]` in the text is the first of them. */
export interface Citation {
  readonly content: string;
  readonly title: string;
  readonly url: null;
  readonly filepath: string;
  readonly chunk_id: string;
}

/** Finds the markers `[n]` of passages that were given; other numbers in brackets are text. */
export function annotate(text: string, passages: readonly ScoredPassage[]): FileCitation[] {
  const annotations: FileCitation[] = [];
  for (const marker of text.matchAll(/\[(\d{1,4})\]/g)) {
    const passage = passages[Number(marker[1]) - 1];
    if (passage === undefined) continue;
    annotations.push({
      type: 'file_citation',
      index: marker.index,
      file_id: passage.fileId,
      filename: passage.filename,
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
  };
}
