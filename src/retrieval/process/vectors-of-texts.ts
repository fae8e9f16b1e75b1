import type { EmbeddedFile } from '../stores/embedded-file.js';
import type { KnownVectors } from '../stores/known-vectors.js';
import type { Precedence } from './encoder.js';
import type { ShippedVectors } from './shipped-vectors.js';

/** How texts of documents are embedded. */
export interface Reading {
  readonly precedence: Precedence;
  readonly signal: AbortSignal;
}

export interface VectorOptions {
  /** Of texts that the product ships with. */
  readonly shipped: ShippedVectors;
  /** Vectors of passages, by the model with this digest. */
  readonly embed: (
    tenant: string,
    embedder: string,
    texts: readonly string[],
    how: Reading,
  ) => Promise<readonly Float32Array[]>;
  /** Passages embedded between two looks at what else is to be done. */
  readonly batch: number;
}

interface Texts {
  readonly file: Pick<EmbeddedFile, 'tenant' | 'embedder'>;
  readonly texts: readonly string[];
  /** Made before. */
  readonly known: KnownVectors;
}

/** Vectors by text. One that occurs twice, or was embedded before, is not embedded again. */
export async function vectorsOfTexts(
  { file: { tenant, embedder }, texts, known }: Texts,
  reading: Reading,
  { shipped, embed, batch }: VectorOptions,
  onProgress: (share: number) => void = () => {},
): Promise<KnownVectors> {
  const vectors: KnownVectors = new Map();
  const unknown = new Set<string>();
  for (const text of texts) {
    const vector = known.get(text) ?? shipped(embedder, text);
    if (vector) vectors.set(text, vector);
    else unknown.add(text);
  }
  const all = vectors.size + unknown.size;
  const embedBatch = async (some: readonly string[]) => {
    const made = await embed(tenant, embedder, some, reading);
    for (const [index, text] of some.entries()) vectors.set(text, made[index]!);
    onProgress(vectors.size / all);
  };
  const left = [...unknown];
  const batches = Array.from({ length: Math.ceil(left.length / batch) }, (_, i) =>
    left.slice(i * batch, (i + 1) * batch),
  );
  await Promise.all(batches.map(embedBatch));
  return vectors;
}
