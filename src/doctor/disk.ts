import { existsSync, readFileSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/schema.js';
import { bad, type Finding, good, poor, size } from './finding.js';

/** By their magic numbers (statfs(2)): where locks or what is written cannot be relied on. */
const UNFIT: Readonly<Record<number, string>> = {
  26985: 'NFS',
  4283649346: 'SMB',
  4266872130: 'SMB',
  16914836: 'tmpfs',
};
const LEAST_FREE_BYTES = 2 * 2 ** 30;
/** Of all databases together, between two checkpoints. */
const WRITE_AHEAD_BYTES = 64 * 2 ** 20;
const FULL = new Set<string | undefined>(['ENOSPC', 'EDQUOT']);
const LEAST_FREE_SHARE = 0.1;
const SLOW_SYNC_MS = 20;
const SYNCS = 9;
/** Connections, databases, indexes and pipes of 10,000 idle clients. */
const LEAST_OPEN_FILES = 16_384;

export interface DiskNeed {
  /** What is written beside documents and records: open indexes, an adapter that is uploaded, logs of the databases. */
  readonly most: number;
  readonly free: number;
}

export async function diskNeed({ dataDir, retrieval, server }: Config): Promise<DiskNeed> {
  const { bavail, bsize } = await statfs(dataDir);
  const most = retrieval.indexMemoryBytes + server.maxAdapterBytes + WRITE_AHEAD_BYTES;
  return { most, free: bavail * bsize };
}

/** Says at a start what would show later, when something cannot be written. What is there can be read all the same. */
export function adviseOnDisk({ most, free }: DiskNeed, warn: (text: string) => void): void {
  if (most <= free) return;
  warn(
    `indexes, uploads and logs of the databases take up to ${size(most)} of disk beside what is kept, and ${size(free)} are free; "switchyard doctor" says more`,
  );
}

export async function checkDisk(config: Config): Promise<Finding[]> {
  const what = 'disk';
  let folder = config.dataDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, blocks, bsize, type } = await statfs(folder);
  const { most, free } = await diskNeed({ ...config, dataDir: folder });
  const kind = UNFIT[type];
  let syncMs: number;
  try {
    syncMs = await medianSyncMs(folder);
  } catch (error) {
    const isFull = FULL.has((error as NodeJS.ErrnoException).code);
    const advice = isFull
      ? 'Free space there, or enlarge it: docs/runbooks/SwitchyardDiskNearlyFull.md. It goes on by itself then.'
      : 'The user that runs the gateway must be able to write there: change its owner, or set SWITCHYARD_DATA.';
    return [bad(what, `${folder} cannot be written to (${(error as Error).message})`, advice)];
  }
  const found = `${size(free)} of ${size(blocks * bsize)} free in ${folder}${kind ? ` (${kind})` : ''}; indexes, uploads and logs take up to ${size(most)} beside what is kept; a durable write takes ${syncMs.toFixed(1)} ms`;
  if (kind) {
    const advice =
      kind === 'tmpfs'
        ? 'What is there is gone after a restart: set SWITCHYARD_DATA to a folder on a disk.'
        : 'Databases need locks that network file systems do not keep: set SWITCHYARD_DATA to a folder on a disk of this machine.';
    return [bad(what, found, advice)];
  }
  if (free < Math.max(LEAST_FREE_BYTES, most) || bavail < LEAST_FREE_SHARE * blocks) {
    return [
      poor(what, found, 'Free space before it is full: what cannot be written down is refused (storage_unavailable).'),
    ];
  }
  if (syncMs > SLOW_SYNC_MS) {
    return [poor(what, found, 'Uploads and changes wait for it: a faster disk helps.')];
  }
  return [good(what, found)];
}

/** Linux alone says how many files a process may open. */
export function checkOpenFiles(): Finding[] {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : '';
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (soft === undefined) return [];
  const found = `${soft} at once`;
  if (Number(soft) >= LEAST_OPEN_FILES) return [good('open files', found)];
  return [
    poor(
      'open files',
      found,
      `Each client takes one: raise the limit to ${LEAST_OPEN_FILES} (ulimit -n, LimitNOFILE= of systemd).`,
    ),
  ];
}

async function medianSyncMs(folder: string): Promise<number> {
  const file = join(folder, `.doctor-${process.pid}`);
  const handle = await open(file, 'wx', 0o600);
  const times: number[] = [];
  try {
    for (let i = 0; i < SYNCS; i++) {
      const start = performance.now();
      await handle.write(Buffer.alloc(4096, i), 0, 4096, i * 4096);
      await handle.datasync();
      times.push(performance.now() - start);
    }
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
  return times.sort((a, b) => a - b)[SYNCS >> 1]!;
}
