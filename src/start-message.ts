import { AppError } from './errors/app-error.js';

/** By the code of SQLite or the system: what to do about a file that cannot be used. */
const WHAT_TO_DO: readonly (readonly [RegExp, string])[] = [
  [/^(ENOSPC|SQLITE_FULL)/, 'The disk is full. Free space in the data folder, or set SWITCHYARD_DATA to another one.'],
  [
    /^(EACCES|EPERM|EROFS|SQLITE_CANTOPEN|SQLITE_READONLY)/,
    'Check whose the data folder and the files in it are, and that this user may write to them (and may have the port).',
  ],
  [/^(EEXIST|ENOTDIR|ENOENT)/, 'Check the paths in the configuration; SWITCHYARD_DATA has to be a folder.'],
  [/^SQLITE_(NOTADB|CORRUPT)/, 'The file is damaged. Restore a backup ("switchyard restore").'],
];

/** Why a gateway could not start: one sentence, and what to do; anything unexpected keeps its stack. */
export function startMessage(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') return `Port ${port} is in use. Stop what listens there, or set PORT to another one.`;
  const known = WHAT_TO_DO.find(([codes]) => typeof code === 'string' && codes.test(code));
  return known === undefined ? (error.stack ?? error.message) : `${error.message}. ${known[1]}`;
}
