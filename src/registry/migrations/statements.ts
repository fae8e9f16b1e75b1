import { type Kysely, type Migration, sql } from 'kysely';

/** A step that runs statements one after the other. */
export const statements = (...list: readonly string[]): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const statement of list) await sql.raw(statement).execute(db);
  },
});
