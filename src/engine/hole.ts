/** What surrounds the middle that an infill prompt asks for. No line here has spaces at its end. */
export interface Hole {
  /** The line that it begins in, up to it. */
  readonly before: string;
  /** The rest of the line that it ends in. */
  readonly rest: string;
  /** The first lines below that are not blank. */
  readonly below: readonly string[];
  /** The first line below that closes a bracket which was opened above the middle; null where none does. */
  readonly closing: string | null;
}

/** A model that leaves out the comment behind the middle goes on with the code behind that. */
const LINES_BELOW = 8;
const BRACKETS: Readonly<Record<string, number>> = { '(': 1, '[': 1, '{': 1, ')': -1, ']': -1, '}': -1 };

export function holeBetween(prefix: string, suffix: string): Hole {
  const [rest, ...lines] = suffix.split('\n').map((line) => line.trimEnd());
  return {
    before: prefix.slice(prefix.lastIndexOf('\n') + 1),
    rest: rest!,
    below: lines.filter((line) => line !== '').slice(0, LINES_BELOW),
    closing: closingLine(lines),
  };
}

/** How many more brackets a text opens than it closes. */
export function depthOf(text: string): number {
  let depth = 0;
  for (const character of text) depth += BRACKETS[character] ?? 0;
  return depth;
}

/** The brackets that a line closes before all else. */
export function leadingClosers(line: string): number {
  return /^[)\]}]*/.exec(line.trimStart())![0].length;
}

function closingLine(lines: readonly string[]): string | null {
  let depth = 0;
  for (const line of lines) {
    if (depth < leadingClosers(line)) return line;
    depth += depthOf(line);
  }
  return null;
}
