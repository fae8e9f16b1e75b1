const SILENT = 'the database server does not answer';
/** What keeps a database from being read or written, and goes away without us: by the code of SQLite, PostgreSQL or the system. */
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
  ECONNREFUSED: SILENT,
  ECONNRESET: SILENT,
  EPIPE: SILENT,
  ETIMEDOUT: SILENT,
  EHOSTUNREACH: SILENT,
  ENOTFOUND: SILENT,
  EAI_AGAIN: SILENT,
  '08006': SILENT,
  '57P01': 'the database server is stopping',
  '57P02': 'the database server is stopping',
  '57P03': 'the database server is starting',
  '53300': 'the database server takes no more connections',
  '53100': "the database server's disk is full",
  '25006': 'the database server takes no writes',
  '57014': 'the database server takes too long',
  '40001': 'the database is busy',
  '40P01': 'the database is busy',
};
/** What the driver of PostgreSQL says without a code. */
const LOST = /^Connection terminated|^timeout exceeded when trying to connect|^Query read timeout|is not queryable$/;

/** The trouble in words, or null where the error is another one, and trying again would not help. */
export function storageTrouble(error: unknown): string | null {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  if (typeof code !== 'string') return LOST.test((error as Error | null)?.message ?? '') ? SILENT : null;
  return TROUBLES[code] ?? TROUBLES[code.split('_', 2).join('_')] ?? null;
}
