/** Looks for pieces of bytes in the files of a folder, and says where they are. */
import { join } from 'node:path';
import { findBytes } from '../../../files/find-bytes.js';
import { findFiles } from '../../../files/find-files.js';
import { sendToParent, serveParent } from '../../../processes/child.js';
import { stepBack } from '../../../processes/step-back.js';
import type { Found, Wanted } from '../finder.js';

/** Answers and searches go first. */
const NICENESS = 10;
/** Models hold nothing of documents, and are most of the data folder. */
const NOT_SEARCHED = new Set(['models']);

serveParent(async ({ folder, pieces }: Wanted) => {
  stepBack(NICENESS);
  const found: string[] = [];
  const names = findFiles(folder, (name) => !NOT_SEARCHED.has(name));
  let searchedBytes = 0;
  for (const name of names) {
    try {
      const { isFound, bytes } = await findBytes(join(folder, name), pieces);
      searchedBytes += bytes;
      if (isFound) found.push(name);
    } catch (error) {
      // A temporary file that is gone by now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  sendToParent<Found>({ found, searchedFiles: names.length, searchedBytes });
});
