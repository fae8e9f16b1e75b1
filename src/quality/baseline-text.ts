import type { Baseline } from './monitor.js';

type Written = Omit<Baseline, 'centroids'> & { readonly centroids: readonly string[] };

/** A baseline as it is kept: JSON, with the centroids' floats in base64. */
export function writeBaseline({ centroids, ...rest }: Baseline): string {
  const written: Written = {
    ...rest,
    centroids: centroids.map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
    ),
  };
  return JSON.stringify(written);
}

export function readBaseline(text: string): Baseline {
  const { centroids, ...rest } = JSON.parse(text) as Written;
  return { ...rest, centroids: centroids.map(toFloats) };
}

function toFloats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
