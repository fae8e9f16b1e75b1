import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createSharedFiles } from '../../../src/registry/shared/files.js';
import type { SharedServer } from '../../../src/registry/shared/server.js';

const bytes = Buffer.from('weights');
const part = { name: 'adapter.swa', part: 0, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
/** It has one file of every adapter. */
const server = { query: async () => ({ rows: [part] }) } as unknown as SharedServer;
/** Another file system than that of the data folder, on Linux. */
const OTHER_DISK = '/dev/shm';

t.test('adapters are fetched into a folder that is a disk of its own', { skip: !existsSync(OTHER_DISK) }, async (t) => {
  const dataDir = t.testdir();
  const disk = mkdtempSync(join(OTHER_DISK, 'switchyard-'));
  t.teardown(() => rmSync(disk, { recursive: true }));
  symlinkSync(disk, join(dataDir, 'adapters'));
  // What a crash left of an earlier try.
  mkdirSync(join(disk, 'digest.incoming'));
  await createSharedFiles(dataDir, server).get('adapters/digest');
  t.same(readFileSync(join(disk, 'digest', 'adapter.swa')), bytes);
  t.notOk(existsSync(join(disk, 'digest.incoming')));
});
