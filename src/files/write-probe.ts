import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** More than what a file system keeps beside a name, so that a full disk is noticed. */
const PROBE = Buffer.alloc(16 << 10, 1);

/** Writes a little into a folder and takes it away again. @throws the system's error where that cannot be done */
export async function probeWriting(folder: string): Promise<void> {
  const file = join(folder, `.probe-${process.pid}`);
  try {
    const handle = await open(file, 'w', 0o600);
    try {
      await handle.writeFile(PROBE);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(file, { force: true }).catch(() => {});
  }
}
