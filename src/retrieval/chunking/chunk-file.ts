import type { Passage } from '../../contracts/retrieval.js';
import { cutPassages, type PassageLimits } from './passages.js';
import { readFile } from './read-file.js';

/** A passage as it is stored, before it has an id and an embedding. */
export type FilePassage = Pick<Passage, 'headingPath' | 'text' | 'tokens' | 'byteStart' | 'byteEnd' | 'location'>;

/** What a passage's vector is made of: the headings say what it is about where its own words do not. */
export function embeddedText({ headingPath, text }: Pick<FilePassage, 'headingPath' | 'text'>): string {
  return `${headingPath.join(' › ')}\n${text}`;
}

/**
 * The passages of a file, lazily, so that the caller may do other work between them.
 * @throws AppError `unsupported_file`, `document_too_complex`
 */
export async function chunkFile(
  file: { readonly filename: string; readonly content: Uint8Array },
  limits: PassageLimits,
  countTokens: (text: string) => number,
): Promise<Generator<FilePassage>> {
  const document = await readFile(file);
  return (function* () {
    for (const { headings, text, tokens, range } of cutPassages(document, limits, countTokens)) {
      yield { headingPath: headings, text, tokens, ...document.placeOf(range) };
    }
  })();
}
