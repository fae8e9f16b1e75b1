import { AppError } from '../errors/app-error.js';
import { openSqlite, Sqlite } from './open.js';

/** More pages than any database has: copied in one step, no writer can make the copy start again. */
const ALL_PAGES = 2 ** 31 - 1;

/** Copies a database as it is at one moment, with what is only in its log yet, while others read and write it. */
export async function copyDatabase(file: string, copy: string): Promise<void> {
  const database = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    await database.backup(copy, { progress: () => ALL_PAGES });
  } finally {
    database.close();
  }
  // Without a log of its own it can be opened where nothing may be written.
  const standalone = openSqlite(copy);
  standalone.pragma('journal_mode = DELETE');
  standalone.close();
}

/**
 * Opens a database and reads all of it.
 * @returns the rows of its tables together
 * @throws AppError `backup_invalid` where it is damaged
 */
export function verifyDatabase(file: string): number {
  const database = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    const problems = database.pragma('integrity_check') as { integrity_check: string }[];
    const strangers = database.pragma('foreign_key_check') as unknown[];
    if (problems[0]?.integrity_check !== 'ok' || strangers.length > 0) {
      throw new AppError('backup_invalid', { file, reason: problems[0]?.integrity_check ?? 'rows refer to none' });
    }
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
    const rowsOf = (name: string) => database.prepare(`SELECT count(*) FROM "${name}"`).pluck().get() as number;
    return names.reduce((sum, name) => sum + rowsOf(name), 0);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('backup_invalid', { file, reason: (error as Error).message }, { cause: error });
  } finally {
    database.close();
  }
}
