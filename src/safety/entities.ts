import type { Entity, EntityKind, RecogniseEntities } from '../contracts/entities.js';
import { AppError } from '../errors/app-error.js';
import { ENTITY_KINDS } from '../personal-data/kinds.js';
import { remembering } from './remember.js';

/** In characters, of one request: what takes some seconds to look at. */
const MAX_LOOKED_AT = 64_000;

/** Entities of the kinds, in each text. @throws AppError `invalid_value` for more than can be looked at. @param param what is to be shortened then */
export type FindEntities = (
  kinds: readonly EntityKind[],
  tenant: string,
  texts: readonly string[],
  param: string,
  signal: AbortSignal,
) => Promise<readonly (readonly Entity[])[]>;

export function isEntityKind(type: string): type is EntityKind {
  return ENTITY_KINDS.some((kind) => kind === type);
}

/** @param recognise null: no model is configured. A rule that was made when there was one then ends requests: nothing is let through unseen. */
export function createFindEntities(recognise: RecogniseEntities | null): FindEntities {
  const remembered = recognise && remembering(recognise);
  return async (kinds, tenant, texts, param, signal) => {
    if (remembered === null) {
      const reason = 'the safety policy looks for names, and no model that finds them is configured (models.ner)';
      throw new AppError('model_unavailable', { model: 'of names', reason });
    }
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    if (characters > MAX_LOOKED_AT) {
      const reason = `has ${characters} characters, and names can be looked for in ${MAX_LOOKED_AT}. Shorten it`;
      throw new AppError('invalid_value', { param, reason });
    }
    const found = await remembered(tenant, texts, signal);
    return found.map((entities) => entities.filter(({ kind }) => kinds.includes(kind)));
  };
}
