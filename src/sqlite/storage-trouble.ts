/** What keeps a database from being read or written, and goes away without us: by the code of SQLite or of the system. */
const TROUBLES: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk is full',
  SQLITE_BUSY: 'the database is busy',
  SQLITE_LOCKED: 'the database is busy',
  SQLITE_READONLY: 'the data folder cannot be written to',
  SQLITE_IOERR: 'the disk reports errors',
  SQLITE_CANTOPEN: 'the data folder cannot be reached',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the data folder cannot be written to',
  EACCES: 'the data folder cannot be written to',
  EPERM: 'the data folder cannot be written to',
  ENOENT: 'the data folder is not there',
  EIO: 'the disk reports errors',
};

/** The trouble in words, or null where the error is another one, and trying again would not help. */
export function storageTrouble(error: unknown): string | null {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  if (typeof code !== 'string') return null;
  return TROUBLES[code] ?? TROUBLES[code.split('_', 2).join('_')] ?? null;
}
