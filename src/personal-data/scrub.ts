import type { Entity, RecogniseEntities } from '../contracts/entities.js';
import type { Retrieval } from '../contracts/retrieval.js';
import { blank, redact } from '../patterns/finder.js';
import { personalFinder } from './find.js';
import { PERSONAL_KINDS } from './kinds.js';

const PERSONAL = personalFinder(PERSONAL_KINDS);

/** Texts with `[email]`, `[name]` and the like in the place of personal data, and how much of it there was. */
export type Scrub = (
  tenant: string,
  texts: readonly string[],
  signal: AbortSignal,
) => Promise<{ readonly texts: readonly string[]; readonly count: number }>;

/**
 * Blanks out what has a shape, and then names and addresses in what is left.
 * @param recognise null: no model is configured, and names and addresses stay
 */
export function createScrub(recognise: RecogniseEntities | null): Scrub {
  return async (tenant, texts, signal) => {
    let count = 0;
    const counted = (found: { readonly text: string; readonly count: number }) => {
      count += found.count;
      return found.text;
    };
    const shaped = texts.map((text) => counted(redact(text, PERSONAL)));
    if (recognise === null) return { texts: shaped, count };
    const entities = await recognise(tenant, shaped, signal);
    return { texts: shaped.map((text, index) => counted(blankEntities(text, entities[index]!))), count };
  };
}

/** Behind everything that somebody waits for. Names too, where a model that finds them is configured. */
export function scrubBehind(retrieval: Pick<Retrieval, 'recogniser' | 'recognise'>): Scrub {
  if (!retrieval.recogniser) return createScrub(null);
  return createScrub((tenant, texts, signal) => retrieval.recognise(tenant, texts, 'behind', signal));
}

/** Labels are the kinds. */
export function blankEntities(text: string, entities: readonly Entity[]) {
  return blank(
    text,
    entities.map(({ kind, ...span }) => ({ ...span, label: kind })),
  );
}
