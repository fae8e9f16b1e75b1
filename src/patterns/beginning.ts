import type { AST } from '@eslint-community/regexpp';
import { AppError } from '../errors/app-error.js';

/**
 * A regular expression for every beginning of what a pattern matches, the empty one and the whole included; for some
 * patterns also for a little more. Of a sequence `abc` it is `(?:a(?:b(?:c)?)?)?`: each part is whole where anything
 * follows, and itself a beginning where nothing does.
 * @param param names the pattern in an error
 * @throws AppError `invalid_value` for what needs backtracking
 */
export function beginningOf({ alternatives }: Pick<AST.Pattern, 'alternatives'>, param: string): string {
  const beginnings = alternatives.map(({ elements }) =>
    elements.reduceRight((rest, part) => then(part, rest, param), ''),
  );
  return beginnings.join('|');
}

/** A beginning of the part, or the whole of it and then the rest. */
function then(part: AST.Element, rest: string, param: string): string {
  switch (part.type) {
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return `(?:${part.raw}${rest})?`;
    case 'Assertion':
      if (part.kind === 'lookahead' || part.kind === 'lookbehind') throw needsBacktracking(part.raw, param);
      // What it looks at may not be there yet.
      return `(?:${part.raw}${rest})?`;
    case 'Group':
    case 'CapturingGroup':
      return `(?:${beginningOf(part, param)}|${part.raw}${rest})`;
    case 'Quantifier': {
      const { element, max } = part;
      const some = `${element.raw}{0,${Number.isFinite(max) ? max : ''}}`;
      return `(?:${some}(?:${then(element, '', param)})|${part.raw}${rest})`;
    }
    default:
      throw needsBacktracking(part.raw, param);
  }
}

function needsBacktracking(raw: string, param: string): AppError {
  return new AppError('invalid_value', {
    param,
    reason: `${raw} is not supported: look-around, back-references and classes of sets need more than one pass over a text`,
  });
}

/** Every sign that may stand in a match, as the pattern has them. */
export function alphabetOf({ alternatives }: Pick<AST.Pattern, 'alternatives'>): Set<string> {
  const signs = new Set<string>();
  const note = (part: AST.Element): void => {
    if (part.type === 'Quantifier') note(part.element);
    else if (part.type === 'Group' || part.type === 'CapturingGroup')
      for (const sign of alphabetOf(part)) signs.add(sign);
    else if (part.type !== 'Assertion') signs.add(part.raw);
  };
  for (const { elements } of alternatives) for (const part of elements) note(part);
  return signs;
}
