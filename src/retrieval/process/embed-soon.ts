import type { Apart } from './apart.js';
import type { Embedder, TokenizedText } from './embedder.js';
import type { Pace } from './pace.js';
import type { WorkQueue } from './queue.js';

/** What embedding a token takes of one processor, about. */
export const TOKEN_MS = 0.17;

export interface EmbedSoonOptions {
  readonly embedder: Pick<Embedder, 'embed' | 'embedApart'>;
  readonly queue: Pick<WorkQueue, 'run'>;
  /** For jobs behind everything, and not behind files: they wait for minutes. */
  readonly apart: Apart;
  readonly pace: Pick<Pace, 'asksLittle' | 'charge' | 'waiting'>;
}

/** Vectors of texts that somebody waits for, and how many tokens they have. */
export type EmbedSoon = (
  lane: 'search' | 'embed',
  tenant: string,
  tokenize: () => readonly TokenizedText[] | Promise<readonly TokenizedText[]>,
  signal?: AbortSignal,
) => Promise<{ vectors: Float32Array[]; tokens: number }>;

/**
 * Who uses little is served here and now. Who uses much is embedded for behind everything, on a thread that the system serves last: the
 * engine's step that computes somebody's answer ends with its slowest thread, and no search waits for it.
 */
export function createEmbedSoon({ embedder, queue, apart, pace }: EmbedSoonOptions): EmbedSoon {
  const { embed, embedApart } = embedder;
  return async (lane, tenant, tokenize, signal) => {
    const tokensOf = (texts: readonly TokenizedText[]) => texts.reduce((sum, { tokens }) => sum + tokens, 0);
    if (embedApart === null || pace.asksLittle(tenant)) {
      const embedHere = async () => {
        const texts = await tokenize();
        return { vectors: await embed(texts), tokens: tokensOf(texts) };
      };
      return queue.run(lane, tenant, embedHere, signal);
    }
    const texts = await queue.run(lane, tenant, tokenize, signal);
    const tokens = tokensOf(texts);
    pace.charge(tenant, TOKEN_MS * tokens, false);
    // Else who never stops asking would use little again whenever its work has waited, and have it done before the answers.
    const embedBehind = () => pace.waiting(tenant, () => embedApart(texts, 'behind'));
    return { vectors: await apart.run(tenant, embedBehind, signal), tokens };
  };
}
