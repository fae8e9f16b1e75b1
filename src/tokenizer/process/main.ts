/** A tokenizer process: forked by tokenizer/client.ts; speaks tokenizer/protocol.ts over its channel. */
import { AppError } from '../../errors/app-error.js';
import { sendToParent, serveParent } from '../../processes/child.js';
import { stepBack } from '../../processes/step-back.js';
import type { Done, FromTokenizer, Result, ToTokenizer, Work } from '../protocol.js';
import { loadPromptTokenizer, type PromptTokenizer } from './prompt-tokenizer.js';

const send = sendToParent<FromTokenizer>;
/** Of a process for long texts: a quarter of a processor is left to it beside an engine that wants all, and none of a short time limit. */
const NICENESS = 5;
let tokenizer: PromptTokenizer | null = null;
/** The system is asked at most so often: that takes 8 µs, and who waits for a short chat waits for it too. */
const RSS_EVERY_MS = 1000;
let rss = { bytes: 0, atMs: Number.NEGATIVE_INFINITY };

serveParent((message: ToTokenizer) => {
  if (message.type === 'init') void start(message);
  else send({ type: 'done', results: message.works.map(answer), rssBytes: rssBytes() });
});

async function start({
  modelDir,
  manifest,
  fences,
  precedence,
}: Extract<ToTokenizer, { type: 'init' }>): Promise<void> {
  try {
    tokenizer = await loadPromptTokenizer(modelDir, manifest, fences);
    if (precedence === 'behind') stepBack(NICENESS);
    const { bounds, infillMarks, answerFormat } = tokenizer;
    send({ type: 'ready', bounds, infillMarks, answerFormat, rssBytes: rssBytes() });
  } catch (error) {
    send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

function rssBytes(): number {
  const nowMs = performance.now();
  if (nowMs - rss.atMs >= RSS_EVERY_MS) rss = { bytes: process.memoryUsage.rss(), atMs: nowMs };
  return rss.bytes;
}

function answer(work: Work): Result {
  try {
    return { done: carryOut(work, tokenizer!) };
  } catch (error) {
    const known = error instanceof AppError ? error : new AppError('internal');
    return { error: known.toMessage() };
  }
}

function carryOut(work: Work, { encodeParts, encodeBare, count, decode, spell }: PromptTokenizer): Done {
  switch (work.type) {
    case 'encode':
      return encodeParts(work.prompt, work.tenant);
    case 'encode_bare':
      return Int32Array.from(encodeBare(work.text));
    case 'count':
      return Int32Array.from(work.texts, count);
    case 'decode':
      return [decode(work.ids)];
    case 'spell':
      return spell(work.ids);
  }
}
