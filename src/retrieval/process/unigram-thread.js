// @ts-check
// A thread that reads the file of one tokenizer, started by tokenizer.ts, and hands over what it made of it; null: another
// kind. It takes seconds where the vocabulary is large, and 100 MB for a moment, which go with the thread.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { unigramTables } from './unigram-tables.js';

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
const tables = unigramTables(JSON.parse(readFileSync(workerData, 'utf8')));
const { scores, units, firstChild, pieceAt } = tables ?? {};
port.postMessage(
  tables,
  [scores, units, firstChild, pieceAt].flatMap((array) => (array ? [/** @type {ArrayBuffer} */ (array.buffer)] : [])),
);
