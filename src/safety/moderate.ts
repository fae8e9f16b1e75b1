import type { Safety } from '../contracts/safety.js';
import { patternFinder } from '../patterns/pattern.js';
import { personalFinder } from '../personal-data/find.js';
import { ENTITY_KINDS, PERSONAL_KINDS } from '../personal-data/kinds.js';
import type { FindEntities } from './entities.js';
import { injectionProbability } from './injection.js';
import { piecesOrRefuse } from './pieces.js';
import { PROFANITY } from './profanity.js';
import type { Embed } from './remember.js';
import { INJECTION_THRESHOLD } from './rules.js';

/** They find something or nothing: there is no more or less sure. */
const FINDERS = [
  ['profanity', patternFinder(PROFANITY, 'moderation', { label: 'profanity', ignoreCase: true })],
  ...PERSONAL_KINDS.map((kind) => [`personal_data/${kind}`, personalFinder([kind])] as const),
] as const;

/**
 * @param embed null: the embedding model is not the one that injections are told by, so nobody looks for them
 * @param findEntities null: nobody looks for names
 */
export function createModerate(embed: Embed | null, findEntities: FindEntities | null): Safety['moderate'] {
  const injection = async (tenant: string, text: string, param: string, signal: AbortSignal): Promise<number> => {
    const pieces = piecesOrRefuse([text], param, 'it');
    const vectors = pieces.length === 0 ? [] : await embed!(tenant, pieces, signal);
    return Math.max(0, ...vectors.map(injectionProbability));
  };

  return async (tenant, texts, signal) => {
    const moderations = [];
    for (const [index, text] of texts.entries()) {
      const scores: [category: string, score: number, threshold: number][] = FINDERS.map(([category, finder]) => [
        category,
        finder.find(text, 0) === null ? 0 : 1,
        1,
      ]);
      if (findEntities !== null) {
        const [found] = await findEntities(ENTITY_KINDS, tenant, [text], `input[${index}]`, signal);
        for (const kind of ENTITY_KINDS) {
          scores.push([`personal_data/${kind}`, Number(found!.some((entity) => entity.kind === kind)), 1]);
        }
      }
      if (embed !== null) {
        scores.push([
          'prompt_injection',
          await injection(tenant, text, `input[${index}]`, signal),
          INJECTION_THRESHOLD,
        ]);
      }
      moderations.push(
        Object.fromEntries(
          scores.map(([category, score, threshold]) => [category, { score, isFlagged: score >= threshold }]),
        ),
      );
    }
    return moderations;
  };
}
