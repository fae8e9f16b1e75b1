import { LRUCache } from 'lru-cache';
import { AppError, type ErrorMessage } from '../../../errors/app-error.js';
import { grammarParam } from '../../../generation/grammar-param.js';
import type { Program } from '../../grammar/program.js';
import type { NamedGrammar } from '../../grammar/spec.js';
import type { Vocabulary } from '../vocabulary.js';
import type { CompileGrammar } from './compiler.js';
import { GrammarTooHard, Machine } from './machine.js';
import { Masks } from './masks.js';
import { Matcher } from './matcher.js';

/** Programs that are kept, in bytes. */
const MOST_BYTES = 64 * 2 ** 20;

export interface GrammarsOptions {
  readonly compile: CompileGrammar;
  readonly vocabulary: Vocabulary;
  readonly eosIds: Iterable<number>;
  /** It may be used now, or never (`failure`). */
  readonly onSettled: (digest: string, failure: ErrorMessage | null) => void;
}

/** The grammars that answers are bound to: compiled once for all who ask for the same, and kept as long as there is room. */
export class Grammars {
  readonly #options: GrammarsOptions;
  readonly #machines = new LRUCache<string, { machine: Machine; program: Program }>({
    maxSize: MOST_BYTES,
    sizeCalculation: ({ program }) => 2 * program.ops.byteLength + 64 * 1024,
  });
  readonly #pending = new Set<string>();
  #masks: Masks | null = null;

  constructor(options: GrammarsOptions) {
    this.#options = options;
  }

  /** Sees to it that it is compiled; who waits is told. */
  want({ digest, spec }: NamedGrammar, tenant: string): void {
    if (this.isReady(digest) || this.#pending.has(digest)) return;
    this.#pending.add(digest);
    void this.#compile({ digest, spec }, tenant);
  }

  isReady(digest: string): boolean {
    return this.#machines.has(digest);
  }

  /** For one answer, where `isReady`. */
  matcher(digest: string): Matcher {
    const known = this.#machines.get(digest)!;
    // What a machine has learnt is worth much, but not all memory.
    if (known.machine.isWorn) known.machine = new Machine(known.program);
    return new Matcher(known.machine, this.#masks!, this.#options.vocabulary);
  }

  async #compile({ digest, spec }: NamedGrammar, tenant: string): Promise<void> {
    const { compile, eosIds, onSettled } = this.#options;
    let failure: ErrorMessage | null = null;
    try {
      const { program, trie } = await compile(spec, tenant);
      this.#masks ??= new Masks(trie, eosIds);
      this.#machines.set(digest, { machine: new Machine(program), program });
    } catch (error) {
      failure = toAppError(error, grammarParam(spec)).toMessage();
    }
    this.#pending.delete(digest);
    onSettled(digest, failure);
  }
}

function toAppError(error: unknown, param: string): AppError {
  if (error instanceof AppError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof GrammarTooHard)) return new AppError('generation_failed', { reason });
  return new AppError('invalid_value', { param, reason: `${reason}; make it less ambiguous` });
}
