import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { HnswIndex, type HnswParams } from './hnsw-index.js';
import { checkStructure } from './index-format.js';

/** Written beside the index, after it: what the index was made from, and what its bytes must be. */
interface Sidecar {
  readonly format: 1;
  readonly databaseId: string;
  readonly lastLabel: number;
  readonly dimensions: number;
  readonly links: number;
  readonly efConstruction: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** What the database says now. */
export interface IndexSource {
  readonly databaseId: string;
  /** The largest label that it ever gave. */
  readonly lastLabel: number;
}

/**
 * Writes an index so that a file under its name is either whole or does not match its sidecar: temporary file, fsync,
 * structure check (hnswlib "succeeds" on a full disk), rename, and the sidecar the same way.
 */
export function saveIndex(index: HnswIndex, file: string, databaseId: string): void {
  const { params } = index;
  const temporary = `${file}.tmp`;
  try {
    index.write(temporary);
    syncFile(temporary);
    checkStructure(temporary, params.dimensions);
    const sidecar: Sidecar = {
      format: 1,
      databaseId,
      lastLabel: index.lastLabel,
      dimensions: params.dimensions,
      links: params.links,
      efConstruction: params.efConstruction,
      bytes: statSync(temporary).size,
      sha256: hashFile(temporary),
    };
    renameSync(temporary, file);
    writeFileSync(`${temporary}.json`, JSON.stringify(sidecar), { flush: true });
    renameSync(`${temporary}.json`, sidecarOf(file));
    syncFile(dirname(file));
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The index of a file, or null with any doubt about it: the rows have all that it holds. */
export function loadIndex(file: string, source: IndexSource, params: HnswParams): HnswIndex | null {
  try {
    const sidecar = JSON.parse(readFileSync(sidecarOf(file), 'utf8')) as Sidecar;
    const isTrusted =
      sidecar.format === 1 &&
      sidecar.databaseId === source.databaseId &&
      Number.isInteger(sidecar.lastLabel) &&
      sidecar.lastLabel <= source.lastLabel &&
      sidecar.dimensions === params.dimensions &&
      sidecar.links === params.links &&
      sidecar.efConstruction === params.efConstruction &&
      sidecar.bytes === statSync(file).size &&
      sidecar.sha256 === hashFile(file);
    return isTrusted ? HnswIndex.load(params, file, sidecar.lastLabel) : null;
  } catch {
    return null;
  }
}

/** Takes an index off the disk; the sidecar first, so that no other file is ever trusted by it. */
export function removeIndex(file: string): void {
  for (const part of [sidecarOf(file), file]) rmSync(part, { force: true });
  removeLeftovers(file);
}

/** Takes away what a process left that ended while it wrote an index. */
export function removeLeftovers(file: string): void {
  for (const part of [`${file}.tmp`, `${file}.tmp.json`]) rmSync(part, { force: true });
}

function sidecarOf(file: string): string {
  return `${file}.json`;
}

function hashFile(file: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer))
      hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function syncFile(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
