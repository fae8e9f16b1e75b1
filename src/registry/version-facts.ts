import type { AdapterVersion } from '../contracts/registry.js';
import type { EvaluationReport, VersionEvent } from '../contracts/versions.js';

/** All that is known of a version, for what is rendered of it. */
export interface VersionFacts {
  readonly version: Omit<AdapterVersion, 'compiledFile'>;
  readonly evaluations: readonly EvaluationReport[];
  /** Newest first. */
  readonly events: readonly VersionEvent[];
}
