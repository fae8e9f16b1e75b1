import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { makeFolderSync } from '../../files/make-folder.js';
import type { Calibration } from './calibration.js';

const Curve = Type.Array(Type.Tuple([Type.Integer({ minimum: 1 }), Type.Number({ minimum: 0 })]), { minItems: 1 });
const Entry = Type.Object({
  key: Type.String(),
  threads: Type.Integer({ minimum: 1 }),
  profile: Type.Object({ answers: Curve, prompts: Curve, attendedMs: Type.Number({ minimum: 0 }) }),
});
const File = Type.Array(Entry);

/** Other models and settings of the same data folder: the latest are kept. */
const MOST_ENTRIES = 16;

/** kept: from an earlier start. disturbed: measured while others held the processors. */
export type Calibrated = Calibration & { readonly origin: 'kept' | 'measured' | 'disturbed' };

/**
 * What was measured under the same key before, or what `measure` gives now, kept for the next start unless it was disturbed:
 * fewer threads look faster then than they are. A file that cannot be read is as good as none, and one that cannot be written
 * costs the next start its measurement.
 * @param key all that a measurement depends on
 */
export function calibrationOf(
  file: string,
  key: string,
  measure: () => { readonly calibration: Calibration; readonly disturbed: boolean },
): Calibrated {
  const entries = read(file);
  const known = entries.find((entry) => entry.key === key);
  if (known) return { threads: known.threads, profile: known.profile, origin: 'kept' };
  const { calibration, disturbed } = measure();
  if (disturbed) return { ...calibration, origin: 'disturbed' };
  const latest = [...entries, { key, ...calibration }].slice(-MOST_ENTRIES);
  try {
    makeFolderSync(path.dirname(file));
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(latest));
    renameSync(`${file}.${process.pid}`, file);
  } catch {}
  return { ...calibration, origin: 'measured' };
}

function read(file: string): Static<typeof File> {
  try {
    const entries: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Check(File, entries) ? entries : [];
  } catch {
    return [];
  }
}
