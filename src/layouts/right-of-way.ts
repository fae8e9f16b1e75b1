import { join } from 'node:path';

/**
 * Until when somebody who uses little wants the processors for short work, whose share the engine has: nanoseconds of the
 * monotonic clock, eight bytes, the lowest first. The engine reads them while it computes, when it reads no messages; and
 * who dies wants nothing for long.
 */
export const rightOfWayFile = (dataDir: string): string => join(dataDir, 'right-of-way');
