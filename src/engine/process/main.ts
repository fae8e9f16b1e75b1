/**
 * The engine process: one model, one session. Forked by engine/client.ts; speaks engine/protocol.ts over its channel.
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { openNativeLibrary } from '../../native/library.js';
import { sendToParent, serveParent } from '../../processes/child.js';
import type { EngineSettings, FromEngine, ToEngine } from '../protocol.js';
import { GrammarCompiler } from './grammar/compiler.js';
import { EngineLoop } from './loop.js';
import { createRuntime } from './runtime.js';
import { createScratch } from './sampler.js';
import { Vocabulary } from './vocabulary.js';

const LARGEST_SEED = 2 ** 48 - 1;
/** Of a machine on which the model pauses for short work. */
const MOST_PROCESSORS = 4;

const send = sendToParent<FromEngine>;

type Init = Extract<ToEngine, { type: 'init' }>;

let loop: EngineLoop | null = null;

serveParent((message: ToEngine) => {
  if (message.type === 'init') void start(message);
  else if (message.type === 'generate') loop?.submit(message.job);
  else if (message.type === 'abort') loop?.abort(message.id);
  else loop?.forget(message.tenant, message.adapter);
});

/** Whoever else works takes a good part of the model's processors; among many the pause of all of them would be dear. */
function needsAll({ threads }: EngineSettings): boolean {
  const processors = availableParallelism();
  return processors <= MOST_PROCESSORS && (threads === 0 || threads >= processors);
}

async function start({ modelDir, manifest, settings, calibrationFile, rightOfWayFile }: Init): Promise<void> {
  try {
    // Before the threads that compute are started: searches and the gateway need a moment each, and often.
    openNativeLibrary()?.giveWay();
    const tokenizerFile = path.join(modelDir, manifest.tokenizer.file);
    const tokenizer = JSON.parse(await readFile(tokenizerFile, 'utf8'));
    const { runner, cost, scan, description } = createRuntime({ modelDir, manifest, settings, calibrationFile });
    const context = {
      vocabulary: new Vocabulary(tokenizer),
      eosIds: new Set(manifest.tokenizer.eosIds),
      scratch: createScratch(manifest.shape.vocabSize, scan),
      monotonicMs: () => performance.now(),
      randomSeed: () => randomInt(LARGEST_SEED),
    };
    // Behind the measuring of what a step takes.
    if (rightOfWayFile !== null && needsAll(settings)) openNativeLibrary()?.giveWayTo(rightOfWayFile);
    const { compile } = new GrammarCompiler(tokenizerFile, manifest.shape.vocabSize);
    loop = new EngineLoop({ settings, base: manifest, runner, cost, context, compile, send });
    send({ type: 'ready', gauges: loop.gauges(), runtime: description });
  } catch (error) {
    send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}
