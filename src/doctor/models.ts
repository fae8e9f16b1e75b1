import { furtherEmbedders } from '../config/embedders.js';
import type { Config } from '../config/schema.js';
import { AppError } from '../errors/app-error.js';
import { bad, type Finding, good } from './finding.js';

/** Reads every byte of the configured models, and compares it with what was imported. */
export async function checkModels({ dataDir, models }: Config): Promise<Finding[]> {
  const { verifyModel } = await import('../model-import/models.js');
  const findings: Finding[] = [];
  for (const [what, id] of [
    ['base model', models.base],
    ['embedder', models.embedder],
    ...furtherEmbedders(models).map((id) => ['embedder', id] as const),
    ['names', models.ner],
  ] as const) {
    if (id === '') continue;
    try {
      const files = await verifyModel(id, dataDir);
      const wrong = files.filter(({ actual, expected }) => actual !== expected).map(({ file }) => file);
      const digests = files.map(({ file, expected }) => `${file} ${expected.slice(0, 12)}`).join(', ');
      findings.push(
        wrong.length === 0
          ? good(what, `${id}: ${digests}`)
          : bad(
              what,
              `${id}: ${wrong.join(', ')} missing or changed`,
              `Delete its folder and run "switchyard models pull ${id}".`,
            ),
      );
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      findings.push(
        bad(what, `${id} is not imported`, `Run "switchyard models pull ${id}", or import it from a file.`),
      );
    }
  }
  return findings;
}
