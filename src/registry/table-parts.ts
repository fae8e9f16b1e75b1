import type { Clock } from '../contracts/clock.js';
import type { Audited } from './database.js';
import type { ReadCache } from './read-cache.js';
import type { Database } from './tables/tables.js';

/** What the tables of a registry are made with. */
export interface TableParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly cache: ReadCache;
}
