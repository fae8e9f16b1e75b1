/** Every message between the engine process and the one that compiles grammars for it. */
import type { GrammarSpec } from '../../../../contracts/grammar.js';
import type { ErrorMessage } from '../../../../errors/app-error.js';
import type { Program } from '../../../grammar/program.js';
import type { TokenTrie } from '../trie.js';

export type ToCompiler =
  /** What the tokens are is asked for once: the answer is long. */
  | { readonly type: 'trie'; readonly tokenizerFile: string; readonly vocabSize: number }
  | { readonly type: 'compile'; readonly spec: GrammarSpec };

/** One for each message, in their order. */
export type FromCompiler =
  | { readonly type: 'trie'; readonly trie: TokenTrie }
  | { readonly type: 'compiled'; readonly program: Program }
  | { readonly type: 'refused'; readonly error: ErrorMessage };
