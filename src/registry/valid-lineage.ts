import type { CompiledAdapter } from '../contracts/adapter.js';
import {
  MAX_DESCRIPTION,
  MAX_FIGURES,
  MAX_HYPERPARAMETERS,
  MAX_LICENSE,
  MAX_TRAINER,
  SHA256_PATTERN,
} from '../contracts/registry-limits.js';
import type { EvaluationReport, Lineage } from '../contracts/versions.js';
import { invalid, validText } from './validate.js';

const SHA256 = new RegExp(SHA256_PATTERN);

/** Of versions whose lineage nobody told. */
export const NO_LINEAGE: Lineage = {
  parent: null,
  dataDigest: null,
  trainer: null,
  hyperparameters: null,
  figures: {},
  description: null,
  license: null,
};

/** What whoever adds a version says of it, beside what its folder says. @throws AppError `invalid_value` where the two differ */
export function mergeLineage(said: Partial<Lineage>, training: CompiledAdapter['training']): Lineage {
  const recorded = training ?? { dataDigest: null };
  if (said.dataDigest && recorded.dataDigest && said.dataDigest !== recorded.dataDigest) {
    throw invalid(
      'lineage.dataDigest',
      `the folder's training.json says ${recorded.dataDigest}, got ${said.dataDigest}`,
    );
  }
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null && value !== undefined));
  return validLineage({ ...NO_LINEAGE, ...training, ...given });
}

function validLineage(lineage: Lineage): Lineage {
  const { dataDigest, trainer, hyperparameters, figures, description, license } = lineage;
  if (dataDigest !== null) validDigest('lineage.dataDigest', dataDigest);
  if (trainer !== null) validText('lineage.trainer', trainer, MAX_TRAINER);
  if (license !== null) validText('lineage.license', license, MAX_LICENSE);
  if (description !== null) validText('lineage.description', description, MAX_DESCRIPTION);
  const { length } = JSON.stringify(hyperparameters);
  if (length > MAX_HYPERPARAMETERS) {
    throw invalid(
      'lineage.hyperparameters',
      `must have at most ${MAX_HYPERPARAMETERS} characters as JSON, got ${length}`,
    );
  }
  validFigures('lineage.figures', figures);
  return lineage;
}

export function validEvaluation({
  name,
  figures,
  dataDigest,
}: Pick<EvaluationReport, 'name' | 'figures' | 'dataDigest'>) {
  if (name === '') throw invalid('name', 'must not be empty');
  validText('name', name, MAX_TRAINER);
  if (dataDigest !== null) validDigest('dataDigest', dataDigest);
  if (Object.keys(figures).length === 0) throw invalid('figures', 'must hold at least one figure');
  return { name, figures: validFigures('figures', figures), dataDigest };
}

function validDigest(param: string, digest: string): void {
  if (!SHA256.test(digest)) throw invalid(param, 'must be a SHA-256 in lower-case hexadecimal');
}

function validFigures(param: string, figures: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const entries = Object.entries(figures);
  if (entries.length > MAX_FIGURES) throw invalid(param, `must be at most ${MAX_FIGURES}, got ${entries.length}`);
  for (const [name, value] of entries) {
    validText(`${param}.${name.slice(0, 80)}`, name, MAX_TRAINER);
    if (!Number.isFinite(value)) throw invalid(`${param}.${name}`, 'must be a number');
  }
  return figures;
}
