/**
 * The single-turn questions of the Berkeley Function Calling Leaderboard (PyPI `bfcl-eval`, Apache-2.0), read where pip puts them: nothing of
 * it is in the repository. Compared as its own checker does: a list of accepted values an argument, texts without case and punctuation.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = 'bfcl-eval==2026.3.23';
const FOLDER = '.switchyard/bfcl-2026.3.23';
export const KINDS = ['simple_python', 'multiple', 'parallel', 'parallel_multiple', 'irrelevance'] as const;
const TYPES: Readonly<Record<string, string>> = { dict: 'object', float: 'number', tuple: 'array', any: 'string' };
/** That an argument may be left out. */
const LEFT_OUT = '';

/** Each argument with the values that are right for it. */
type Wanted = Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>>;

export interface PublicCase {
  readonly ask: string;
  readonly tools: readonly object[];
  readonly wanted: readonly Wanted[];
}

/** The first cases of a kind; null where the package cannot be had. */
export function readPublicCases(kind: (typeof KINDS)[number], most: number): PublicCase[] | null {
  const data = join(FOLDER, 'bfcl_eval/data');
  if (!existsSync(data)) {
    const { status } = spawnSync('python3', ['-m', 'pip', 'install', '-q', '--no-deps', '--target', FOLDER, PACKAGE]);
    if (status !== 0) return null;
  }
  const linesOf = (file: string) =>
    readFileSync(join(data, file), 'utf8')
      .trim()
      .split('\n')
      .slice(0, most)
      .map((line) => JSON.parse(line));
  const file = `BFCL_v4_${kind}.json`;
  const answers = kind === 'irrelevance' ? [] : linesOf(`possible_answer/${file}`);
  return linesOf(file).map(({ question, function: functions }, index) => ({
    ask: question[0][0].content,
    tools: functions.map((one: { name: string; parameters: object }) => ({
      type: 'function',
      function: { ...one, name: plainName(one.name), parameters: toSchema(one.parameters) },
    })),
    wanted: answers[index]?.ground_truth ?? [],
  }));
}

/** Exactly the calls that are wanted, in any order. */
export function isPublicRight(
  { wanted }: PublicCase,
  given: readonly { readonly name: string; readonly arguments: string }[],
): boolean {
  const left = [...given];
  for (const call of wanted) {
    const [name, accepted] = Object.entries(call)[0]!;
    const at = left.findIndex((one) => one.name === plainName(name) && hasAccepted(accepted, parsed(one.arguments)));
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return left.length === 0;
}

/** The API's names hold no dots. */
const plainName = (name: string) => name.replaceAll('.', '_');

/** Python's names of types are JSON Schema's. */
function toSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSchema);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'optional')
      .map(([name, inner]) => [
        name,
        name === 'type' && typeof inner === 'string' ? (TYPES[inner] ?? inner) : toSchema(inner),
      ]),
  );
}

function parsed(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json);
  } catch {
    return { unreadable: json };
  }
}

function hasAccepted(accepted: Readonly<Record<string, readonly unknown[]>>, given: Record<string, unknown>): boolean {
  const names = new Set([...Object.keys(accepted), ...Object.keys(given)]);
  return [...names].every((name) => {
    const values = accepted[name];
    if (values === undefined) return false;
    return given[name] === undefined ? values.includes(LEFT_OUT) : values.some((value) => isSame(value, given[name]));
  });
}

function isSame(wanted: unknown, given: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(given) || given.length !== wanted.length) return false;
    return wanted.every((value, index) => isSame(value, given[index]));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof given !== 'object' || given === null) return false;
    return hasAccepted(wanted as Record<string, readonly unknown[]>, given as Record<string, unknown>);
  }
  if (typeof wanted === 'string' && typeof given === 'string') return plain(wanted) === plain(given);
  return wanted === given;
}

const plain = (text: string) =>
  text
    .toLowerCase()
    .replace(/[ ,./\-_*^]/g, '')
    .replaceAll("'", '"');
