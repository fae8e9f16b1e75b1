/** Holes in functions of installed packages: the same ones on every machine that has installed the same packages. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export type HoleKind = 'line' | 'block';

export interface CodeHole {
  readonly kind: HoleKind;
  /** Path within node_modules. */
  readonly file: string;
  readonly prefix: string;
  readonly middle: string;
  readonly suffix: string;
}

const MODULES = path.resolve(import.meta.dirname, '../../node_modules');
const FOLDERS = [
  'fastify/lib',
  'find-my-way/lib',
  'pino/lib',
  'undici/lib/core',
  'undici/lib/handler',
  'undici/lib/util',
];
const FUNCTION_LINES = { least: 6, most: 60 };
const BLOCK_LINES = { least: 2, most: 6 };
const LINE_CHARACTERS = 16;
/** What an editor sends: so many characters before and behind, from the border of a line on. */
const BEFORE_CHARACTERS = 2_000;
const BEHIND_CHARACTERS = 700;

/** Half of them the rest of a line, half of them whole statements. */
export function chooseHoles(count: number): CodeHole[] {
  const functions = FOLDERS.flatMap(filesOf).flatMap(functionsOf);
  const of = (kind: HoleKind) => {
    const all = functions.flatMap((one) => (kind === 'line' ? lineHoles(one) : blockHoles(one)));
    const wanted = count / 2;
    return Array.from({ length: wanted }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / wanted)]!);
  };
  return [...of('line'), ...of('block')];
}

interface FunctionText {
  readonly file: string;
  readonly source: string;
  /** Begin and end of its statements. */
  readonly statements: readonly (readonly [number, number])[];
}

function filesOf(folder: string): string[] {
  return readdirSync(path.join(MODULES, folder))
    .filter((name) => name.endsWith('.js'))
    .sort()
    .map((name) => `${folder}/${name}`);
}

function functionsOf(file: string): FunctionText[] {
  const source = readFileSync(path.join(MODULES, file), 'utf8');
  const found: FunctionText[] = [];
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body && ts.isBlock(node.body)) {
      const lines = node.body.getText().split('\n').length;
      const { statements } = node.body;
      if (lines >= FUNCTION_LINES.least && lines <= FUNCTION_LINES.most && statements.length > 1) {
        found.push({ file, source, statements: statements.map((one) => [one.getStart(), one.getEnd()] as const) });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** From within the first line of a statement to its end; closing brackets at the end stay, as editors write them ahead. */
function lineHoles({ file, source, statements }: FunctionText): CodeHole[] {
  return statements.flatMap(([start], index) => {
    const line = source.slice(start, source.indexOf('\n', start));
    if (line.length < LINE_CHARACTERS || line.startsWith('//')) return [];
    const closers = index % 2 === 0 ? /[)\]};,]*$/.exec(line)![0].length : 0;
    const from = wordBorder(line, Math.floor(line.length * (0.3 + 0.1 * (index % 4))));
    return line.length - closers - from < 4
      ? []
      : [holeAt('line', file, source, start + from, start + line.length - closers)];
  });
}

/** Every other hole begins within a word, as it does while one types. */
function wordBorder(line: string, near: number): number {
  return near % 2 === 0 ? near : near + /^\w*\W*/.exec(line.slice(near))![0].length;
}

/** One statement or several, whole lines. */
function blockHoles({ file, source, statements }: FunctionText): CodeHole[] {
  return statements.slice(1).flatMap(([start, end]) => {
    const lines = source.slice(start, end).split('\n').length;
    if (lines < BLOCK_LINES.least || lines > BLOCK_LINES.most || source[end] !== '\n') return [];
    return [holeAt('block', file, source, source.lastIndexOf('\n', start) + 1, end)];
  });
}

function holeAt(kind: HoleKind, file: string, source: string, start: number, end: number): CodeHole {
  const first = source.lastIndexOf('\n', Math.max(0, start - BEFORE_CHARACTERS)) + 1;
  const last = source.indexOf('\n', Math.min(source.length, end + BEHIND_CHARACTERS));
  return {
    kind,
    file,
    prefix: source.slice(first, start),
    middle: source.slice(start, end),
    suffix: source.slice(end, last === -1 ? undefined : last + 1),
  };
}
