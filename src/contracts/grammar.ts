/**
 * What an answer may be, whatever surface asked for it: the engine gives no token that leaves it. `param` is how an error
 * names what the request said. Types only.
 */

/** A piece between two texts that stand as they are: a tool call with its arguments. */
export interface GrammarTag {
  readonly begin: string;
  /** JSON Schema as text, of what stands between. */
  readonly schema: string;
  readonly end: string;
  readonly param: string;
}

/**
 * Named as xgrammar's structural tags are. `triggered_tags`: free text, in which a trigger (each tag's `begin` starts
 * with one) begins a tag; free text goes on behind its `end`. `tags_with_separator`: tags alone, one at least,
 * `separator` between them.
 */
export type StructuralTag =
  | {
      readonly type: 'triggered_tags';
      readonly triggers: readonly string[];
      readonly tags: readonly GrammarTag[];
      /** Nothing comes behind the first tag. */
      readonly stopAfterFirst: boolean;
    }
  | {
      readonly type: 'tags_with_separator';
      readonly tags: readonly GrammarTag[];
      readonly separator: string;
      readonly stopAfterFirst: boolean;
    };

export type GrammarSpec =
  /** Any JSON object. */
  | { readonly kind: 'json' }
  /** JSON Schema as text. */
  | { readonly kind: 'json_schema'; readonly schema: string; readonly param: string }
  /** The whole answer matches. */
  | { readonly kind: 'regex'; readonly pattern: string; readonly param: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly param: string }
  /** GBNF; the rule `root` is the whole answer. */
  | { readonly kind: 'ebnf'; readonly grammar: string; readonly param: string }
  | { readonly kind: 'structural_tag'; readonly tag: StructuralTag };
