import type { Entity } from '../contracts/entities.js';
import type { EntityWord } from './entity-words.js';

/** What a word is part of: a name, or a part of an address. */
export const ENTITY_TAGS = ['name', 'number', 'street', 'unit', 'city', 'state', 'code'] as const;
export type EntityTag = (typeof ENTITY_TAGS)[number];

export interface TaggedWord extends EntityWord {
  /** null: of neither. */
  readonly tag: EntityTag | null;
}

/** What may stand between two words of one name: "O'Connor-Smith", "J. R. Ewing", "van der Berg", "Ramón y Cajal". */
const WITHIN_NAME =
  /^(?:[\s'’.-]|\b(?:van|von|der|den|de|del|della|da|das|dos|do|di|du|la|le|el|al|bin|bint|ibn|zu|y|e)\b){0,6}$/i;
/** … and of one address: signs, line ends, and the small words of a sentence. */
const WITHIN_ADDRESS = /^[\s,.;:()/#°º’'-]*(?:(?:in|at|à|en|im|near|of|de|no|nr)\b[\s,.]*)?$/i;
const LONGEST_GAP = 24;
/** What the model leaves out at the borders: initials before a name, a surname behind it … */
const INITIALS = /(?<![\p{L}\p{N}])(?:\p{Lu}\.[ -]?){1,3}$/u;
const SURNAME = /^(?: (?:van|von|der|den|de|del|della|da|dos|di|la|le|bin|al))*[ -]\p{Lu}[\p{L}\p{M}'’]+/u;
/** … the door before an address, and a code behind it. */
const DOOR = /(?:\b(?:unit|flat|apt|apartment|suite|room)\b\.? ?\w{0,4}, ?|\b(?:ul|al|pl|os|c)[./] ?)$/iu;
const CODE =
  /^,? (?:[A-Z]{2,3},? )?(?:\d{4,6}(?:-\d{3,4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b/iu;
/** Characters around what was found that are looked at. */
const AROUND = 40;

/** Names, and what is enough of an address to lead to a door, in the order of the text. */
export function entitiesOf(text: string, words: readonly TaggedWord[]): Entity[] {
  const entities: Entity[] = [];
  for (let at = 0; at < words.length; ) {
    const run = runFrom(text, words, at);
    if (run.length > 0) {
      const [first, last] = [words[at]!, words[at + run.length - 1]!];
      const kind = first.tag === 'name' ? 'name' : 'address';
      if (kind === 'name' || isAddress(run)) {
        const { start, end } = widened(text, { kind, start: first.start, end: last.end });
        entities.push({ kind, start: Math.max(start, entities.at(-1)?.end ?? 0), end });
      }
    }
    at += Math.max(1, run.length);
  }
  return entities;
}

function widened(text: string, { kind, start, end }: Entity): Entity {
  const [before, after] = kind === 'name' ? [INITIALS, SURNAME] : [DOOR, CODE];
  const more = (pattern: RegExp, around: string) => pattern.exec(around)?.[0].length ?? 0;
  return {
    kind,
    start: start - more(before, text.slice(Math.max(0, start - AROUND), start)),
    end: end + more(after, text.slice(end, end + AROUND)),
  };
}

/** The words from one on that belong together, the untagged ones between them included; none where it has no tag. */
function runFrom(text: string, words: readonly TaggedWord[], at: number): readonly TaggedWord[] {
  const inName = words[at]!.tag === 'name';
  if (words[at]!.tag === null) return [];
  let end = at + 1;
  for (let next = end; next < words.length; next++) {
    const { tag, start } = words[next]!;
    const gap = text.slice(words[end - 1]!.end, start);
    if (gap.length > LONGEST_GAP) break;
    if (tag === null) continue;
    if ((tag === 'name') !== inName || !(inName ? WITHIN_NAME : WITHIN_ADDRESS).test(gap)) break;
    // A full stop within a name is that of an initial.
    if (inName && gap.includes('.') && words[end - 1]!.end - words[end - 1]!.start > 2) break;
    end = next + 1;
  }
  return words.slice(at, end);
}

/** A town alone is none, nor is a street. */
function isAddress(words: readonly TaggedWord[]): boolean {
  const tags = new Set(words.map(({ tag }) => tag));
  if (tags.has('street')) return ['number', 'unit', 'city', 'code'].some((tag) => tags.has(tag as EntityTag));
  return tags.has('code') && tags.has('city');
}
