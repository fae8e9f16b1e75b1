import { readFileSync } from 'node:fs';
import { decodeText } from './decode-text.js';

/** The text of what the user of a command names: a file in any encoding that `decodeText` knows, or a pipe of the shell. */
export function readTextFile(path: string): string {
  return decodeText(readFileSync(path));
}
