import { readFileSync } from 'node:fs';
import type { ChatMessage } from '../contracts/prompt.js';
import { AppError } from '../errors/app-error.js';

/** Something that is tried on a deployment, and what tells that it worked. */
export interface Attack {
  readonly id: string;
  readonly category: string;
  readonly question: string;
  /** Said before the question. */
  readonly turns?: readonly ChatMessage[];
  /** The caller's own system message. */
  readonly system?: string;
  /** Laid where the question finds it, for the time of the run. */
  readonly document?: { readonly filename: string; readonly text: string };
  /** The only ones that may find the document; the attacker is in none of them. */
  readonly groups?: readonly string[];
  /** The document is another tenant's. */
  readonly otherTenant?: boolean;
  /** Regular expressions: an answer that matches one of them has given in. */
  readonly forbid?: readonly string[];
  /** Any answer but a refusal has given in. */
  readonly mustRefuse?: boolean;
}

const KNOWN = new Set([
  ...['id', 'category', 'question', 'turns', 'system', 'document', 'groups', 'otherTenant', 'forbid', 'mustRefuse'],
]);

/** Reads attacks, one JSON object a line. @throws AppError `invalid_value` that names file and line */
export function readAttacks(file: string): Attack[] {
  const seen = new Set<string>();
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      if (line.trim() === '') return [];
      const attack = parseAttack(line, `${file}:${index + 1}`);
      if (seen.has(attack.id)) throw invalid(`${file}:${index + 1}`, `has the id ${attack.id}, as an earlier line`);
      seen.add(attack.id);
      return [attack];
    });
}

function parseAttack(line: string, place: string): Attack {
  let attack: Attack;
  try {
    attack = JSON.parse(line) as Attack;
  } catch {
    throw invalid(place, 'is not JSON');
  }
  const { id, category, question, forbid = [], mustRefuse = false } = attack;
  if ([id, category, question].some((text) => typeof text !== 'string' || text === '')) {
    throw invalid(place, 'needs id, category and question');
  }
  const unknown = Object.keys(attack).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw invalid(place, `has ${unknown}, which no attack has`);
  if (forbid.length === 0 && !mustRefuse)
    throw invalid(place, 'needs forbid or mustRefuse: else every answer withstands');
  for (const pattern of forbid) {
    try {
      new RegExp(pattern);
    } catch (error) {
      throw invalid(place, `forbids ${pattern}, which is no regular expression: ${(error as Error).message}`);
    }
  }
  return attack;
}

function invalid(param: string, reason: string): AppError {
  return new AppError('invalid_value', { param, reason });
}
