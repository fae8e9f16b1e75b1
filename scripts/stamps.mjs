// What was made from which files: a stamp beside the result holds the digest of its sources.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository, or of the installed package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

export const isCurrent = (stamp, value) => existsSync(stamp) && readFileSync(stamp, 'utf8') === value;

/** One digest over the names and contents of a folder's files and some more files. */
export function digestOf(folder, more) {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const all = [...files, ...more.map((name) => join(root, name))];
  return sha256(...all.flatMap((file) => [file.slice(root.length), readFileSync(file)]));
}
