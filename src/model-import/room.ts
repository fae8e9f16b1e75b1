import { statfs } from 'node:fs/promises';
import { AppError } from '../errors/app-error.js';

/** @throws AppError `model_too_large` where the disk of a folder has less room than this */
export async function requireDisk(model: string, folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  requireRoom(model, 'disk', bytes, bavail * bsize, 'free some, or set SWITCHYARD_DATA to another folder');
}

/** @throws AppError `model_too_large` where this process cannot have so much memory */
export function requireMemory(model: string, bytes: number): void {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  const available = Math.min(process.availableMemory(), limit);
  requireRoom(model, 'memory', bytes, available, 'take a smaller model, or a machine with more');
}

function requireRoom(model: string, what: string, needed: number, there: number, remedy: string): void {
  if (needed <= there) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new AppError('model_too_large', { model, what, needed: gigabytes(needed), there: gigabytes(there), remedy });
}
