import { access, constants, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { seriesOf, timeOf } from '../backup/series.js';
import type { Config } from '../config/schema.js';
import { bad, type Finding, good, poor } from './finding.js';

const WHAT = 'backups';
/** As the alert has it. */
const LATE_AFTER_PAUSES = 2;

/** Whether there is a backup that is new enough, and whether the next one can be written. */
export async function checkBackups({ backup, demo }: Config, nowMs = Date.now()): Promise<Finding[]> {
  const { folder, everyMinutes } = backup;
  if (folder === '') {
    const advice = 'Set backup.folder to one on another disk, or run "switchyard backup" on a schedule of your own.';
    return demo ? [] : [poor(WHAT, 'none are made on a schedule', advice)];
  }
  try {
    await writable(folder);
  } catch (error) {
    return [bad(WHAT, (error as Error).message, 'The user that runs the gateway must be able to write there.')];
  }
  const series = seriesOf(await readdir(folder).catch(() => []));
  const newest = series.at(-1);
  if (newest === undefined) return [good(WHAT, `none yet in ${folder}: the next start makes one`)];
  const madeMs = timeOf(newest)!;
  const found = `${series.length} in ${folder}, the newest of ${new Date(madeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (nowMs - madeMs < LATE_AFTER_PAUSES * everyMinutes * 60_000) return [good(WHAT, found)];
  return [poor(WHAT, found, 'Older than two pauses between backups: docs/runbooks/SwitchyardBackupOld.md.')];
}

/** The folder, or where it would be made. */
async function writable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writable(dirname(folder));
  }
}
