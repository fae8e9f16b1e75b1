/** What a deployment says, and an arm of an experiment otherwise. Types only. */
import type { SamplingParams } from './generator.js';
import type { SearchMode } from './retrieval.js';

export interface RetrievalPolicy {
  readonly enabled: boolean;
  /** Searched as one; none, or left out: the tenant's default store. */
  readonly storeIds?: readonly string[];
  /** Hybrid where it is left out. */
  readonly mode?: SearchMode;
  readonly topK: number;
  readonly minScore: number;
  /** How much the passages shall differ from one another, 0 … 1; left out: 0, by relevance alone. */
  readonly diversity?: number;
  readonly budgetTokens: number;
  /**
   * What a passage of a chat is read with: all that stands before it (full, also where it is left out), or the instructions
   * alone (block), so that what is computed of it serves again wherever it stands.
   */
  readonly attention?: 'full' | 'block';
}

/** What counts where a request leaves it out. */
export type GenerationDefaults = Partial<Omit<SamplingParams, 'seed' | 'logitBias'>> & {
  /** Of a chat or a response; what completes code or text has limits of its own. */
  readonly maxTokens?: number;
};
