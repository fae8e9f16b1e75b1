/** Fetches and imports one model and ends: forked by model-import/pull-apart.ts. */
import { AppError } from '../../errors/app-error.js';
import { stepBack } from '../../processes/step-back.js';
import { pullModel } from '../models.js';
import type { PullProgress } from '../pull.js';
import type { PullMessage, PullTask } from '../pull-apart.js';
import { pullFromHub } from '../pull-from-hub.js';

const REPORT_EVERY_MS = 250;
/** Whoever asks for answers goes first. */
const NICE = 10;

process.on('disconnect', () => process.exit(0));
process.once('message', async ({ model, as, dataDir, sourceDir }: PullTask) => {
  const send = (message: PullMessage) => process.send?.(message, undefined, undefined, () => {});
  let reportedMs = Number.NEGATIVE_INFINITY;
  let stage = '';
  const report = (progress: PullProgress) => {
    if (progress.stage === stage && performance.now() - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = performance.now();
    stage = progress.stage;
    send({ progress });
  };
  try {
    stepBack(NICE);
    const { id } = model.startsWith('hub:')
      ? await pullFromHub(model, as ?? undefined, dataDir, report, { sourceDir })
      : await pullModel(model, dataDir, report, { sourceDir });
    send({ imported: id });
  } catch (error) {
    if (error instanceof AppError) send({ error: error.toMessage() });
    else send({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
