/** What may be asked, given and answered: a tenant's safety policies, and what they decided. Types only. */

/** What a rule looks at: the messages of a request, the passages that were found, the answer. */
export type SafetyStage = 'input' | 'passages' | 'output';

/**
 * `block`: the request ends with an error; a passage is left out; an answer ends where it was found. `redact`: what was found
 * is replaced. `flag`: nothing but the note. `refuse`: the rule's text is the answer, or its end.
 */
export type SafetyAction = 'block' | 'redact' | 'flag' | 'refuse';

interface RuleBase {
  /** Unique in its policy. */
  readonly name: string;
  readonly action: SafetyAction;
  /** The answer, where the action is `refuse`. */
  readonly text?: string;
}

export type SafetyRule =
  | (RuleBase & { readonly kind: 'pattern'; readonly patterns: readonly string[]; readonly caseSensitive?: boolean })
  /** All types that have a shape where none are given; `name` and `address` are found by a model, and have to be named. */
  | (RuleBase & { readonly kind: 'personal'; readonly types?: readonly string[] })
  | (RuleBase & { readonly kind: 'profanity' })
  /** @property threshold the least cosine between a piece of text and an example */
  | (RuleBase & { readonly kind: 'topic'; readonly examples: readonly string[]; readonly threshold: number })
  /** @property threshold the least probability; 0.5 where it is left out */
  | (RuleBase & { readonly kind: 'injection'; readonly threshold?: number });

/** Rules of each stage, in the order in which they are applied: each sees what those before it left. */
export type SafetyRules = Readonly<Record<SafetyStage, readonly SafetyRule[]>>;

export interface PolicyRef {
  readonly name: string;
  readonly revision: number;
}

/** One revision of a policy: it never changes. */
export interface SafetyPolicy extends PolicyRef {
  readonly tenant: string;
  readonly rules: SafetyRules;
  readonly createdAt: number;
}

export interface SafetyDecision {
  readonly stage: SafetyStage;
  readonly rule: string;
  readonly kind: SafetyRule['kind'];
  readonly action: SafetyAction;
  /** How often the rule found something. */
  readonly count: number;
}

/** What a policy decided of one answer: kept with its record, without any text. */
export interface SafetyRecord {
  /** `bank@3`. */
  readonly policy: string;
  readonly decisions: readonly SafetyDecision[];
}

interface ScreenedTexts {
  readonly texts: readonly string[];
  /** Answers the request instead of the model; null: nothing was refused. */
  readonly refusal: string | null;
}

/** An answer on its way: what is pushed comes out again as soon as no rule could still want it, however it was cut. */
export interface OutputScreen {
  push(text: string, signal: AbortSignal): Promise<string>;
  /** The rest, once the answer is whole. */
  end(signal: AbortSignal): Promise<string>;
  /** Whether a rule ended the answer: nothing comes out any more. */
  stopped(): boolean;
}

/** One answer's way through a policy. */
export interface Screen {
  /**
   * @param turn of the texts, those that the caller says now, which alone are classified; what was said before was then
   * @throws AppError `content_filter` where a rule blocks
   */
  input(texts: readonly string[], turn: readonly string[], signal: AbortSignal): Promise<ScreenedTexts>;
  /** Each passage's texts; null for one that is left out. */
  passages(
    passages: readonly (readonly string[])[],
    signal: AbortSignal,
  ): Promise<{ readonly passages: readonly (readonly string[] | null)[]; readonly refusal: string | null }>;
  /** null: no rule looks at answers. */
  readonly output: OutputScreen | null;
  /** What was decided so far. */
  decisions(): readonly SafetyDecision[];
}

/** What was looked for in a text: by category, how sure it is that it is there, 0 … 1, and whether that is enough to say so. */
export type Moderation = Readonly<Record<string, { readonly score: number; readonly isFlagged: boolean }>>;

export interface Safety {
  /** @throws AppError `invalid_value` that names the rule */
  check(rules: SafetyRules): void;
  screen(policy: SafetyPolicy): Screen;
  /**
   * Looks at texts with every detector that there is, whatever the policies say; one moderation a text, all with the same
   * categories.
   * @throws AppError `invalid_value` for a text that is longer than what can be looked at
   */
  moderate(tenant: string, texts: readonly string[], signal: AbortSignal): Promise<readonly Moderation[]>;
}
