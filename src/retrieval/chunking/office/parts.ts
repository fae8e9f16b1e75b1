import { posix } from 'node:path';
import { readXml } from './xml.js';
import type { Zip } from './zip.js';

interface Relation {
  /** The last word of its type, which two standards begin differently: `slide`, `sharedStrings`. */
  readonly type: string;
  /** The name of the part that it leads to. */
  readonly part: string;
}

/** Where the ids in a part lead to, other parts of the document alone; `''` is the document itself. */
export function relationsOf(zip: Zip, part: string): ReadonlyMap<string, Relation> {
  const relations = new Map<string, Relation>();
  const folder = posix.dirname(part);
  readXml(zip.text(posix.join(folder, '_rels', `${posix.basename(part)}.rels`)), {
    open(name, { Id = '', Type = '', Target = '', TargetMode }) {
      if (name !== 'Relationship' || TargetMode === 'External') return;
      const target = Target.startsWith('/') ? Target.slice(1) : posix.join(folder, Target);
      relations.set(Id, { type: Type.slice(Type.lastIndexOf('/') + 1), part: target });
    },
  });
  return relations;
}

/** The part that a relation of a type leads to; null without one. */
export function partOfType(relations: ReadonlyMap<string, Relation>, type: string): string | null {
  return [...relations.values()].find((relation) => relation.type === type)?.part ?? null;
}
