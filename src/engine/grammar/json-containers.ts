import { alt, type Expr, optional, repeat, seq, text } from './expr.js';
import { COLON, COMMA, nameExcept } from './json-text.js';

/** Makes a rule of what is used more than once. */
type Share = (expr: Expr) => Expr;

interface Field {
  readonly name: string;
  readonly isRequired: boolean;
  /** Name and value. */
  readonly pair: Expr;
}

/** @param first those that have a schema of their own @param further the others */
export function arrayOf(share: Share, first: readonly Expr[], further: Expr, min: number, max: number): Expr {
  if (min > max) return alt();
  const item = share(further);
  const rest = (index: number): Expr => {
    if (index === max) return seq();
    const comma = index === 0 ? '' : COMMA;
    if (index < first.length) {
      const more = seq(text(comma), first[index]!, rest(index + 1));
      return index < min ? more : optional(more);
    }
    // The first one has no comma before it.
    const least = Math.max(0, min - index);
    if (index > 0) return repeat(seq(text(comma), item), least, max - index);
    const some = seq(item, repeat(seq(text(COMMA), item), Math.max(0, least - 1), max - 1));
    return least === 0 ? optional(some) : some;
  };
  return seq(text('['), rest(0), text(']'));
}

/** @param rest of further properties; null: there are none */
export function objectOf(share: Share, fields: readonly Field[], rest: Expr | null, min: number, max: number): Expr {
  const more = rest && seq(nameExcept(fields.map(({ name }) => name)), text(COLON), rest);
  /** What comes from a field on, behind others or first; a rule for each, as both ways lead to the same end. */
  let [first, later]: [Expr, Expr] = [seq(), seq()];
  if (more !== null) {
    later = repeat(seq(text(COMMA), more), 0, max === Number.POSITIVE_INFINITY ? max : Math.max(0, max - 1));
    const some = max === 0 ? seq() : seq(more, later);
    first = min > fields.length ? some : optional(some);
  }
  for (const { isRequired, pair } of fields.toReversed()) {
    const after = share(later);
    const one = share(pair);
    const [alone, behind] = [seq(one, after), seq(text(COMMA), one, after)];
    first = isRequired ? alone : alt(alone, share(first));
    later = isRequired ? behind : alt(behind, after);
  }
  return seq(text('{'), first, text('}'));
}
