import { randomBytes } from 'node:crypto';

/** A random id that is safe in URLs and file names, e.g. `vs_3f0c…`. */
export function newId(prefix: 'file-' | 'vs_' | 'vsfb_' | 'psg_'): string {
  return prefix + randomBytes(12).toString('hex');
}
