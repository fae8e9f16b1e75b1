import type { Passage } from '../../contracts/retrieval.js';
import { cutPassages, type PassageLimits } from './passages.js';
import { readFile } from './read-file.js';

/** A passage as it is stored, before it has an id and an embedding. */
export type FilePassage = Pick<Passage, 'headingPath' | 'text' | 'tokens' | 'byteStart' | 'byteEnd' | 'location'>;

/**
 * What a passage's vector is made of: the folder and the headings say what it is about where its own words do not. A page of `pino/docs` says
 * "the logger" and seldom "pino", and whoever asks says "pino" (docs/decisions/0111-right-answers.md).
 */
export function embeddedText(
  filename: string,
  { headingPath, text }: Pick<FilePassage, 'headingPath' | 'text'>,
): string {
  return `${[...folderOf(filename), ...headingPath].join(' › ')}\n${text}`;
}

/** The outermost folder of a file's name; none of a file that lies in none. */
function folderOf(filename: string): string[] {
  return filename.split('/').slice(0, -1).filter(Boolean).slice(0, 1);
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
