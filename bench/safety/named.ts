/** Names and postal addresses in sentences written for this: how many are found, and what is taken for them where there are none. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import type { Entity, EntityKind } from '../../src/contracts/entities.js';
import { readNerManifest } from '../../src/layouts/manifest.js';
import { pullModel } from '../../src/model-import/models.js';
import { loadRecogniser } from '../../src/retrieval/process/recogniser.js';

const NER = 'rampart-ner';

/** What the model finds in a text. */
export type EntitiesIn = (text: string) => Promise<readonly Entity[]>;

interface Marked {
  readonly text: string;
  readonly entities: readonly Entity[];
}

export interface NamedFigures {
  /** Share of them of which every letter is blanked out. */
  readonly names: number;
  readonly addresses: number;
  /** Share of the addresses of which something is. */
  readonly addressesTouched: number;
  /** Of what is blanked out, the share that has to do with a name or an address. */
  readonly precision: number;
  /** Share of the sentences without any in which something is found. */
  readonly falseAlarms: number;
  readonly missed: readonly string[];
  readonly wrong: readonly string[];
}

/** The model of the data folder, fetched where it is not there, on one core. */
export async function openRecogniser(): Promise<EntitiesIn> {
  const { dataDir } = loadConfig();
  await pullModel(NER, dataDir);
  const folder = join(dataDir, 'models', NER);
  const recogniser = await loadRecogniser(folder, await readNerManifest(folder), 1);
  return (text) => recogniser.entities(text, (job) => job());
}

/** @param half `named` to work on, `named-blind` to look at once */
export async function judgeNamed(half: 'named' | 'named-blind', entitiesIn: EntitiesIn): Promise<NamedFigures> {
  const counts = { name: [0, 0], address: [0, 0], touched: [0, 0], right: [0, 0], alarms: [0, 0] };
  const count = (what: keyof typeof counts, isOne: boolean) => {
    counts[what][0]! += Number(isOne);
    counts[what][1]! += 1;
  };
  const missed: string[] = [];
  const wrong: string[] = [];
  for (const { text, entities } of sentencesOf(half)) {
    const found = await entitiesIn(text);
    const shown = () =>
      found.map(({ kind, start, end }) => `${kind} "${text.slice(start, end)}"`).join(', ') || 'nothing';
    for (const entity of entities) {
      const isFound = isCovered(text, entity, found);
      count(entity.kind, isFound);
      if (entity.kind === 'address')
        count(
          'touched',
          found.some((one) => overlap(one, entity)),
        );
      if (!isFound) missed.push(`${text} (${shown()})`);
    }
    for (const one of found)
      count(
        'right',
        entities.some((entity) => overlap(one, entity)),
      );
    if (entities.length === 0) {
      count('alarms', found.length > 0);
      if (found.length > 0) wrong.push(`${text} (${shown()})`);
    }
  }
  const share = (what: keyof typeof counts) => counts[what][0]! / counts[what][1]!;
  return {
    names: share('name'),
    addresses: share('address'),
    addressesTouched: share('touched'),
    precision: share('right'),
    falseAlarms: share('alarms'),
    missed,
    wrong,
  };
}

/** `<name>…</name>` and `<address>…</address>` around what is to be found; a line that begins with # says what the file is. */
function sentencesOf(half: string): Marked[] {
  const lines = readFileSync(join(import.meta.dirname, `${half}.txt`), 'utf8')
    .trim()
    .split('\n');
  return lines.filter((line) => !/^(?:#|-$)/.test(line)).map(toMarked);
}

function toMarked(line: string): Marked {
  let text = '';
  const entities: Entity[] = [];
  for (const [, plain, kind, value] of line.matchAll(/([^<]*)(?:<(name|address)>([^<]*)<\/\2>)?/g)) {
    text += plain;
    if (!kind) continue;
    entities.push({ kind: kind as EntityKind, start: text.length, end: text.length + value!.length });
    text += value;
  }
  return { text, entities };
}

const overlap = (one: Entity, other: Entity) => one.start < other.end && other.start < one.end;

/** Whatever it was taken for: what matters is that it is gone. */
function isCovered(text: string, { start, end }: Entity, found: readonly Entity[]): boolean {
  for (let at = start; at < end; at++) {
    if (/[\p{L}\p{N}]/u.test(text[at]!) && !found.some((one) => one.start <= at && at < one.end)) return false;
  }
  return true;
}
