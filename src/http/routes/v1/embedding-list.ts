import { setTimeout as sleep } from 'node:timers/promises';
import type { Retrieval } from '../../../contracts/retrieval.js';

export type Encoding = 'float' | 'base64';
type Embedded = Awaited<ReturnType<Retrieval['embed']>>;

/** Written in a millisecond. */
const AT_ONCE: Readonly<Record<Encoding, number>> = { float: 16, base64: 128 };
/** Between so many and the next, for streams and whoever else wants the processor. */
const PAUSE_MS = 4;

/** The answer of OpenAI's embeddings. */
export const embeddingList = (model: string, { vectors, tokens }: Embedded, encoding: Encoding) => ({
  ...headOf(model),
  data: toData(vectors, 0, encoding),
  usage: usageOf(tokens),
});

/** Whether it is written in one go. The most texts that may be asked for take this thread 0.2 s (decision 0120). */
export const isShort = ({ vectors }: Embedded, encoding: Encoding): boolean => vectors.length <= AT_ONCE[encoding];

/** `embeddingList` as JSON in pieces, between which others have their turn. */
export async function* embeddingListPieces(
  model: string,
  { vectors, tokens }: Embedded,
  encoding: Encoding,
): AsyncGenerator<string> {
  yield `${JSON.stringify(headOf(model)).slice(0, -1)},"data":[`;
  const atOnce = AT_ONCE[encoding];
  for (let from = 0; from < vectors.length; from += atOnce) {
    if (from > 0) await sleep(PAUSE_MS);
    const some = JSON.stringify(toData(vectors.slice(from, from + atOnce), from, encoding)).slice(1, -1);
    yield from > 0 ? `,${some}` : some;
  }
  yield `],"usage":${JSON.stringify(usageOf(tokens))}}`;
}

const headOf = (model: string) => ({ object: 'list' as const, model });

const usageOf = (tokens: number) => ({ prompt_tokens: tokens, total_tokens: tokens });

const toData = (vectors: readonly Float32Array[], from: number, encoding: Encoding) =>
  vectors.map((vector, index) => ({
    object: 'embedding' as const,
    index: from + index,
    embedding: encoding === 'base64' ? toBase64(vector) : Array.from(vector),
  }));

function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
