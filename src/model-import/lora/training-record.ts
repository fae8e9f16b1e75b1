import { existsSync } from 'node:fs';
import path from 'node:path';
import type { TrainingRecord } from '../../contracts/adapter.js';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import { JsonFile } from '../files/json-file.js';

const TRAINING = 'training.json';
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * What a folder's `training.json` tells of how its adapter was made; null where there is none. A record of another base or of
 * other weights is refused: somebody has mixed two folders up. @throws AppError `model_invalid`
 */
export function readTrainingRecord(
  folder: string,
  { baseDigest }: Pick<ModelManifest, 'baseDigest'>,
  weightsSha256: string,
): TrainingRecord | null {
  const file = path.join(folder, TRAINING);
  if (!existsSync(file)) return null;
  const record = new JsonFile(file);
  const base = record.optional('base')?.text('sha256', baseDigest) ?? baseDigest;
  if (base !== baseDigest) throw record.invalid(`it tells of base ${base}, and the base model here is ${baseDigest}`);
  const weights = record.text('adapter_sha256', weightsSha256);
  if (weights !== weightsSha256) throw record.invalid(`it tells of weights ${weights}, and these are ${weightsSha256}`);
  const data = record.has('data_sha256') ? record.text('data_sha256') : null;
  if (data !== null && !SHA256.test(data)) throw record.invalid('data_sha256 is no SHA-256 in lower-case hexadecimal');
  return {
    dataDigest: data,
    trainer: record.has('trainer') ? record.text('trainer') : null,
    hyperparameters: record.has('hyperparameters') ? record.object('hyperparameters') : null,
    figures: Object.fromEntries(
      Object.entries(record.values).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
    ),
  };
}
