import { Sqlite } from '../sqlite/open.js';

/** The compiled adapters that a registry's database names, as paths from the data folder. */
export function compiledFiles(databaseFile: string): string[] {
  const database = new Sqlite(databaseFile, { readonly: true, fileMustExist: true });
  try {
    return database.prepare('SELECT DISTINCT compiled_file FROM adapters').pluck().all() as string[];
  } finally {
    database.close();
  }
}
