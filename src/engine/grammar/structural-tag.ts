import type { GrammarTag, StructuralTag } from '../../contracts/grammar.js';
import { alt, charsOf, type Expr, inverted, type Range, repeat, seq, text } from './expr.js';

/** @param embed adds the rules of a tag's schema, and returns the call of their whole */
export function structuralRules(tag: StructuralTag, embed: (tag: GrammarTag) => Expr, rules: Expr[]): void {
  rules.push(seq());
  const bodies = tag.tags.map((one) => ({ begin: one.begin, rest: seq(embed(one), text(one.end)) }));
  if (tag.type === 'tags_with_separator') {
    const one = alt(...bodies.map(({ begin, rest }) => seq(text(begin), rest)));
    rules[0] = tag.stopAfterFirst ? one : seq(one, repeat(seq(text(tag.separator), one), 0, Number.POSITIVE_INFINITY));
    return;
  }
  const whole = freeText(tag.triggers, rules, (trigger, again) => {
    const begun = bodies.filter(({ begin }) => begin.startsWith(trigger));
    const after = tag.stopAfterFirst ? [] : [again];
    return alt(...begun.map(({ begin, rest }) => seq(text(begin.slice(trigger.length)), rest, ...after)));
  });
  rules[0] = whole;
}

/**
 * Any text, which a trigger ends: a state for every beginning of one that the text may have ended with. (Aho and Corasick
 * 1975.)
 */
function freeText(triggers: readonly string[], rules: Expr[], behind: (trigger: string, again: Expr) => Expr): Expr {
  const beginnings = [
    ...new Set(triggers.flatMap((trigger) => [...trigger].map((_, length, all) => all.slice(0, length).join('')))),
  ];
  const numbers = new Map(beginnings.map((beginning) => [beginning, rules.push(seq()) - 1]));
  const stateOf = (written: string): Expr => {
    const characters = [...written];
    for (let from = 0; ; from++) {
      const rule = numbers.get(characters.slice(from).join(''));
      if (rule !== undefined) return { kind: 'rule', rule };
    }
  };
  const alphabet = [...new Set(triggers.flatMap((trigger) => [...trigger]))];
  const bodies = new Map(triggers.map((trigger) => [trigger, rules.push(seq()) - 1]));
  for (const [beginning, rule] of numbers) {
    const known = alphabet.map((character): Expr => {
      const written = beginning + character;
      const trigger = triggers.find((one) => written.endsWith(one));
      return seq(
        text(character),
        trigger === undefined ? stateOf(written) : { kind: 'rule', rule: bodies.get(trigger)! },
      );
    });
    const others = inverted(alphabet.map((character): Range => [character.codePointAt(0)!, character.codePointAt(0)!]));
    rules[rule] = alt(text(''), ...known, seq(charsOf(others), stateOf('')));
  }
  for (const [trigger, rule] of bodies) rules[rule] = behind(trigger, stateOf(''));
  return stateOf('');
}
