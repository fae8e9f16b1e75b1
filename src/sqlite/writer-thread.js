// @ts-check
// A thread with a connection of its own, started by threaded.ts. Plain JavaScript that imports nothing of ours: a loader
// that understands TypeScript reaches no threads in Node 20, and this has to run from the sources too.
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
const { driver, file, pragmas } = workerData;
const Database = /** @type {typeof import('better-sqlite3')} */ (createRequire(import.meta.url)(driver));
/** What was opened where nothing may be written stays as it is: it is opened again for the next statement. */
const OPENED_TOO_EARLY = /^SQLITE_(READONLY|CANTOPEN)/;

/** @type {import('better-sqlite3').Database | null} */
let opened = null;
/** Of `write`: few texts, again and again. @type {Map<string, import('better-sqlite3').Statement>} */
const statements = new Map();

function database() {
  if (opened !== null) return opened;
  const fresh = new Database(file, { fileMustExist: true });
  try {
    for (const pragma of pragmas) fresh.pragma(pragma);
  } catch (error) {
    fresh.close();
    throw error;
  }
  opened = fresh;
  return fresh;
}

function close() {
  statements.clear();
  opened?.close();
  opened = null;
}

/** Of the piece before. New memory for each would be as much work as the rest. */
let pieceBytes = Buffer.alloc(0);

/** @param {NonNullable<Extract<import('./threaded.js').ToWriter, { type: 'run' }>['piece']>} piece */
function read({ file, from, bytes }) {
  if (pieceBytes.length < bytes) pieceBytes = Buffer.allocUnsafeSlow(bytes);
  const descriptor = openSync(file, 'r');
  try {
    const length = readSync(descriptor, pieceBytes, 0, bytes, from);
    if (length !== bytes) throw new Error(`${file} ends before it should`);
  } finally {
    closeSync(descriptor);
  }
  return pieceBytes.subarray(0, bytes);
}

/** @param {import('./threaded.js').Writes} writes */
function writeAll(writes) {
  for (const { sql, rows } of writes) {
    const statement = statements.get(sql) ?? database().prepare(sql);
    statements.set(sql, statement);
    for (const row of rows) statement.run(row);
  }
}

/**
 * @param {Exclude<import('./threaded.js').ToWriter, { type: 'close' }>} message
 * @returns {import('./threaded.js').FromWriter}
 */
function run(message) {
  if (message.type === 'write') {
    database()
      .transaction(() => writeAll(message.writes))
      .immediate();
    return { rows: [], changes: 0 };
  }
  const statement = database().prepare(message.sql);
  const parameters = [...message.parameters];
  if (message.piece !== null) parameters[message.piece.at] = read(message.piece);
  return statement.reader
    ? { rows: statement.all(parameters), changes: 0 }
    : { rows: [], changes: statement.run(parameters).changes };
}

port.on('message', (/** @type {import('./threaded.js').ToWriter} */ message) => {
  if (message.type === 'close') {
    close();
    port.close();
    return;
  }
  /** @type {import('./threaded.js').FromWriter} */
  let answer;
  try {
    answer = run(message);
  } catch (error) {
    const { message: reason, code } = /** @type {Error & { code?: string }} */ (error);
    answer = { failure: { message: reason, code } };
    if (OPENED_TOO_EARLY.test(String(code))) close();
  }
  port.postMessage(answer);
});
