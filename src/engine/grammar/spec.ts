import { createHash } from 'node:crypto';
import type { GrammarSpec } from '../../contracts/grammar.js';

/** A grammar by its content: whoever asks for the same shares what was compiled of it. */
export interface NamedGrammar {
  readonly digest: string;
  readonly spec: GrammarSpec;
}

export function named(spec: GrammarSpec): NamedGrammar {
  return { digest: createHash('sha256').update(JSON.stringify(spec)).digest('hex'), spec };
}
