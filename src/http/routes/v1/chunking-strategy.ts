/** OpenAI's chunking strategies: how large the passages of a file are made. */
import { type Static, Type } from 'typebox';
import type { ChunkSizes } from '../../../contracts/retrieval.js';
import { AppError } from '../../../errors/app-error.js';

const Sizes = Type.Object(
  {
    max_chunk_size_tokens: Type.Integer({ minimum: 100, maximum: 4096 }),
    chunk_overlap_tokens: Type.Integer({ minimum: 0, description: 'Up to half of max_chunk_size_tokens.' }),
  },
  { additionalProperties: false },
);

/** No union of two, so that an error names the field that is wrong. */
export const ChunkingStrategy = Type.Object(
  {
    type: Type.Enum(['auto', 'static']),
    static: Type.Optional(Sizes),
  },
  {
    additionalProperties: false,
    description:
      'Documents are cut by their structure in either case: `auto` makes passages of the size that the gateway is set to.',
  },
);

/** As a file in a vector store shows it: `other` stands for `auto`. */
export const ChunkingOfFile = Type.Union([
  Type.Object({ type: Type.Literal('static'), static: Sizes }),
  Type.Object({ type: Type.Literal('other') }),
]);

/** Undefined: as the gateway is configured. @throws AppError `invalid_value` */
export function toChunkSizes(
  strategy: Static<typeof ChunkingStrategy> | undefined,
  param: string,
): ChunkSizes | undefined {
  if (strategy === undefined) return undefined;
  if ((strategy.static === undefined) === (strategy.type === 'static')) {
    const reason = strategy.type === 'static' ? 'is required for the type static' : 'belongs to the type static';
    throw new AppError('invalid_value', { param: `${param}.static`, reason });
  }
  if (strategy.static === undefined) return undefined;
  const { max_chunk_size_tokens: maxTokens, chunk_overlap_tokens: overlapTokens } = strategy.static;
  if (2 * overlapTokens > maxTokens) {
    throw new AppError('invalid_value', {
      param: `${param}.static.chunk_overlap_tokens`,
      reason: `must be at most half of max_chunk_size_tokens (${Math.floor(maxTokens / 2)})`,
    });
  }
  return { maxTokens, overlapTokens };
}

export function fromChunkSizes(sizes: ChunkSizes | null) {
  if (sizes === null) return { type: 'other' } as const;
  const { maxTokens, overlapTokens } = sizes;
  return {
    type: 'static',
    static: { max_chunk_size_tokens: maxTokens, chunk_overlap_tokens: overlapTokens },
  } as const;
}
