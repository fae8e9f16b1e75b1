import { isFitted } from '../search/coefficients.js';
import type { EmbedderModels } from '../stores/embedder-models.js';

/** What who runs the gateway does not expect of its embedding models. @param further ids that the configuration names besides the standard one */
export function embedderWarnings({ offered }: Pick<EmbedderModels, 'offered'>, further: readonly string[]): string[] {
  const ids = offered.map(({ id }) => id);
  const unfitted = ids.filter((id) => !isFitted(id));
  const missing = further.filter((id) => !ids.includes(id));
  const warnings: string[] = [];
  if (unfitted.length > 0)
    warnings.push(
      `nobody has fitted scores to ${unfitted.join(', ')}: they are those that bge-small-en-v1.5 would have. Look at some before you rely on score_threshold`,
    );
  if (missing.length > 0)
    warnings.push(
      `stores cannot have vectors of ${missing.join(', ')}, which models.embedders names: run "switchyard models pull" for it, or import it, and start again`,
    );
  return warnings;
}
