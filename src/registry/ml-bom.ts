import { createHash } from 'node:crypto';
import type { VersionFacts } from './version-facts.js';

/** Media type of what `renderBom` gives. */
export const BOM_TYPE = 'application/vnd.cyclonedx+json; version=1.6';

/** A version, what it was made of, and what was measured of it, as an ML-BOM (CycloneDX 1.6, ECMA-424). */
export function renderBom({ version, evaluations, events }: VersionFacts): object {
  const { name, lineage, baseDigest, baseModel, targets, rank } = version;
  const { parent, dataDigest, trainer, hyperparameters, figures, description, license } = lineage;
  const weights = version.sources?.find((file) => file.name.endsWith('.safetensors'));
  const base = {
    type: 'machine-learning-model',
    'bom-ref': 'base',
    name: baseModel ?? 'base model',
    hashes: [{ alg: 'SHA-256', content: baseDigest }],
  };
  const data = dataDigest === null ? null : toDataset(dataDigest);
  const parentRef = parent && { 'bom-ref': 'parent', name: parent.name, version: String(parent.version) };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(version.tenant, name, String(version.version), version.digest)}`,
    // It says more with every report and every change of status.
    version: evaluations.length + Math.max(1, events.length),
    metadata: {
      timestamp: new Date(
        Math.max(version.createdAt, ...[...events, ...evaluations].map((e) => e.createdAt)),
      ).toISOString(),
      component: {
        type: 'machine-learning-model',
        'bom-ref': 'adapter',
        group: version.tenant,
        name,
        version: String(version.version),
        ...(description !== null && { description }),
        ...(license !== null && { licenses: [{ license: { name: license } }] }),
        ...(weights && { hashes: [{ alg: 'SHA-256', content: weights.sha256 }] }),
        pedigree: {
          ancestors: [base, ...(parentRef ? [{ type: 'machine-learning-model', ...parentRef }] : [])].map(asAncestor),
        },
        modelCard: {
          modelParameters: {
            approach: { type: 'supervised' },
            task: 'text-generation',
            architectureFamily: 'transformer',
            modelArchitecture: `LoRA of rank ${rank} over ${targets.join(', ')}`,
            ...(data && { datasets: [{ ref: 'training-data' }] }),
            inputs: [{ format: 'text' }],
            outputs: [{ format: 'text' }],
          },
          quantitativeAnalysis: {
            performanceMetrics: evaluations.flatMap((report) =>
              Object.entries(report.figures).map(([type, value]) => ({
                type,
                value: String(value),
                slice: report.name,
              })),
            ),
          },
        },
        properties: [
          ['digest', version.digest],
          ['status', version.status],
          ['trainer', trainer],
          ['hyperparameters', hyperparameters && JSON.stringify(hyperparameters)],
          ...Object.entries(figures).map(([key, value]) => [`training:${key}`, String(value)] as const),
        ].flatMap(([key, value]) => (value === null ? [] : [{ name: `switchyard:${key}`, value }])),
      },
    },
    components: [base, ...(data ? [data] : [])],
    dependencies: [
      { ref: 'adapter', dependsOn: ['base', ...(data ? ['training-data'] : [])] },
      { ref: 'base' },
      ...(data ? [{ ref: 'training-data' }] : []),
    ],
  };
}

function toDataset(sha256: string) {
  return {
    type: 'data',
    'bom-ref': 'training-data',
    name: 'training data',
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    data: [{ type: 'dataset', name: 'training data' }],
  };
}

/** References are unique within a document, and the base stands among the components too. */
function asAncestor<T extends { readonly 'bom-ref': string }>({ 'bom-ref': ref, ...component }: T) {
  return { ...component, 'bom-ref': `ancestor-${ref}` };
}

/** The same version has the same number: a UUID of version 8 (RFC 9562) out of its digest. */
function uuidOf(...parts: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
