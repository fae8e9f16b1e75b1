// @ts-check
// A thread with a connection of its own, started by threaded.ts. Plain JavaScript that imports nothing of ours: a loader
// that understands TypeScript reaches no threads in Node 20, and this has to run from the sources too.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
const { driver, file, pragmas } = workerData;
const database = new (createRequire(import.meta.url)(driver))(file);
for (const pragma of pragmas) database.pragma(pragma);

port.on('message', (/** @type {import('./threaded.js').ToWriter} */ message) => {
  if (message.type === 'close') {
    database.close();
    port.close();
    return;
  }
  /** @type {import('./threaded.js').FromWriter} */
  let answer;
  try {
    const statement = database.prepare(message.sql);
    const parameters = [...message.parameters];
    for (const [at, file] of message.files) parameters[at] = readFileSync(file);
    answer = statement.reader
      ? { rows: statement.all(parameters), changes: 0 }
      : { rows: [], changes: statement.run(parameters).changes };
  } catch (error) {
    const { message: reason, code } = /** @type {Error & { code?: string }} */ (error);
    answer = { failure: { message: reason, code } };
  }
  port.postMessage(answer);
});
