/** Makes one backup for the process that forked this one, and ends: reading all of a database holds a thread up. */
import { AppError } from '../../errors/app-error.js';
import { stepBack } from '../../processes/step-back.js';
import { type BackupTask, runScheduled } from '../run-scheduled.js';
import type { BackupResult } from '../scheduled.js';

const NICENESS = 10;

process.once('message', async (task: BackupTask) => {
  stepBack(NICENESS);
  let result: BackupResult = {};
  try {
    await runScheduled(task);
  } catch (error) {
    result = error instanceof AppError ? { error: error.toMessage() } : { failure: String((error as Error).stack) };
  }
  process.send!(result);
});
process.on('disconnect', () => process.exit(0));
