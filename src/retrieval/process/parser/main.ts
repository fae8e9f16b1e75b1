/** A parser: reads one file after another. What a file takes is bounded from outside of this thread, which it may block. */
import { AppError } from '../../../errors/app-error.js';
import { sendToParent, serveParent } from '../../../processes/child.js';
import { stepBack } from '../../../processes/step-back.js';
import { storageTrouble } from '../../../sqlite/storage-trouble.js';
import { chunkFile, type FilePassage } from '../../chunking/chunk-file.js';
import { readStored } from '../../stores/stored-content.js';
import type { FromParser, ParseJob, ParserOptions, ToParser } from './protocol.js';
import { loadTokenCounter } from './token-counter.js';
import { watchUse } from './watchdog.js';

/** Of one that reads behind everything: answers and searches go first. */
const NICENESS = 10;
/** Passages in one message: unpacking more at once would keep a search waiting. */
const BATCH = 64;

const send = sendToParent<FromParser>;
let read: (job: ParseJob) => void = () => {};

serveParent((message: ToParser) => {
  if (message.type === 'start') start(message);
  else read(message.job);
});

function start({ options, precedence }: Extract<ToParser, { type: 'start' }>): void {
  if (precedence === 'behind') stepBack(NICENESS);
  const countTokens = loadTokenCounter(options.baseModelDir);
  const watchdog = watchUse(options.parseTimeoutMs, options.parseMemoryBytes);
  read = async (job) => {
    try {
      const content = job.content instanceof Uint8Array ? job.content : readStored(job.content);
      watchdog.start();
      await parse({ ...job, content }, options, countTokens);
      send({ type: 'done' });
    } catch (error) {
      send(failureOf(error));
    } finally {
      watchdog.stop();
    }
  };
}

/** @throws what is no file's fault */
function failureOf(error: unknown): FromParser {
  if (error instanceof AppError) return { type: 'refused', error: error.toMessage() };
  if (storageTrouble(error) === null) throw error;
  const { code, message } = error as Error & { readonly code: string };
  return { type: 'unread', code, message };
}

async function parse(
  job: ParseJob & { readonly content: Uint8Array },
  { limits, maxPassages }: ParserOptions,
  countTokens: (text: string) => number,
): Promise<void> {
  let batch: FilePassage[] = [];
  let count = 0;
  const { chunking } = job;
  const sizes = chunking ? { budgetTokens: chunking.maxTokens, overlapTokens: chunking.overlapTokens } : limits;
  for (const passage of await chunkFile(job, sizes, countTokens)) {
    if (++count > maxPassages) {
      const reason = `it makes more than ${maxPassages} passages`;
      throw new AppError('document_too_complex', { filename: job.filename, reason });
    }
    batch.push(passage);
    if (batch.length < BATCH) continue;
    send({ type: 'passages', passages: batch });
    batch = [];
  }
  send({ type: 'passages', passages: batch });
}
