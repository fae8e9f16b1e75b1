import { HEAD } from './injection-head.js';

const read = (base64: string) => new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
const [hidden, hiddenBias, output] = [read(HEAD.hidden), read(HEAD.hiddenBias), read(HEAD.output)];

/** The embedding models that the head reads: of another one's vectors it says nothing. */
export const HEAD_EMBEDDER = HEAD.embedder;

/**
 * How likely it is that a text wants to change what the assistant is told to do, 0 … 1.
 * @param vector the text's embedding
 */
export function injectionProbability(vector: Float32Array): number {
  let sum = HEAD.outputBias;
  for (let unit = 0; unit < output.length; unit++) {
    let activation = hiddenBias[unit]!;
    const row = unit * vector.length;
    for (let i = 0; i < vector.length; i++) activation += hidden[row + i]! * vector[i]!;
    if (activation > 0) sum += activation * output[unit]!;
  }
  return 1 / (1 + Math.exp(-sum));
}
