import type { EntityKind } from '../contracts/entities.js';
import type { SafetyAction, SafetyRule, SafetyRules, SafetyStage } from '../contracts/safety.js';
import { type Finder, firstOf } from '../patterns/finder.js';
import { invalid, patternFinder } from '../patterns/pattern.js';
import { personalFinder } from '../personal-data/find.js';
import { ENTITY_KINDS, PERSONAL_KINDS, type PersonalKind } from '../personal-data/kinds.js';
import { isEntityKind } from './entities.js';
import { PROFANITY } from './profanity.js';

const MAX_RULES = 64;
const MAX_PATTERNS = 200;
const MAX_EXAMPLES = 100;
const MAX_EXAMPLE = 400;
const MAX_TEXT = 2000;
/** Where the default threshold lies: on the test split, 92 % of the injections are above it, and 3 % of the rest. */
export const INJECTION_THRESHOLD = 0.5;

/** A rule that finds pieces of a text. */
export interface TextRule {
  readonly rule: SafetyRule;
  readonly finder: Finder;
}

/** A rule that judges a piece of a text by its embedding. */
export interface VectorRule {
  readonly rule: Extract<SafetyRule, { kind: 'topic' | 'injection' }>;
  readonly threshold: number;
}

/** A rule that blanks out, or ends at, what a model finds. */
export interface EntityRule {
  readonly rule: SafetyRule;
  readonly entities: readonly EntityKind[];
}

export type CompiledRule = TextRule | VectorRule | EntityRule;
export type CompiledRules = Readonly<Record<SafetyStage, readonly CompiledRule[]>>;

/** @throws AppError `invalid_value` that names the rule and what to do */
export function compileRules(rules: SafetyRules): CompiledRules {
  const names = new Set<string>();
  const compile = (stage: SafetyStage) =>
    rules[stage].flatMap((rule, index) => {
      const param = `${stage}[${index}]`;
      if (names.has(rule.name)) throw invalid(`${param}.name`, `"${rule.name}" is the name of another rule already`);
      names.add(rule.name);
      checkAction(rule, stage, param);
      return compileRule(rule, stage, param);
    });
  const compiled = { input: compile('input'), passages: compile('passages'), output: compile('output') };
  if (names.size > MAX_RULES) throw invalid('rules', `must be at most ${MAX_RULES}, got ${names.size}`);
  return compiled;
}

function checkAction({ action, text, kind }: SafetyRule, stage: SafetyStage, param: string): void {
  if (action === 'refuse' && !text?.trim()) throw invalid(`${param}.text`, 'is what a refusal answers with; write one');
  if (action !== 'refuse' && text !== undefined) throw invalid(`${param}.text`, `is for refuse, and this is ${action}`);
  if (text !== undefined && text.length > MAX_TEXT) {
    throw invalid(`${param}.text`, `must have at most ${MAX_TEXT} characters, got ${text.length}`);
  }
  const isJudged = kind === 'topic' || kind === 'injection';
  if (isJudged && action === 'redact') {
    throw invalid(
      `${param}.action`,
      `${kind} is judged of a piece as a whole, so nothing of it can be redacted; use ${allowed(stage)}`,
    );
  }
  if (kind === 'injection' && stage === 'output') {
    throw invalid(
      `${param}.kind`,
      'injection is for what others wrote, and an answer is not; use it on input or passages',
    );
  }
}

function allowed(stage: SafetyStage): string {
  return (stage === 'passages' ? (['block', 'flag'] satisfies SafetyAction[]) : ['block', 'flag', 'refuse']).join(', ');
}

/** One rule for most: what has a shape and what has none are looked for one after the other. */
function compileRule(rule: SafetyRule, stage: SafetyStage, param: string): readonly CompiledRule[] {
  switch (rule.kind) {
    case 'pattern': {
      checkCount(`${param}.patterns`, rule.patterns.length, MAX_PATTERNS);
      const options = { label: rule.name, ignoreCase: !rule.caseSensitive };
      const finders = rule.patterns.map((p, i) => patternFinder(p, `${param}.patterns[${i}]`, options));
      return [{ rule, finder: firstOf(finders) }];
    }
    case 'personal': {
      const types: readonly string[] = rule.types ?? PERSONAL_KINDS;
      checkCount(`${param}.types`, types.length, PERSONAL_KINDS.length + ENTITY_KINDS.length);
      const kinds = types.filter((type) => !isEntityKind(type)).map((type) => kindOf(type, param));
      const entities = types.filter(isEntityKind);
      return [
        ...(kinds.length > 0 ? [{ rule, finder: personalFinder(kinds) }] : []),
        ...(entities.length > 0 ? [{ rule, entities }] : []),
      ];
    }
    case 'profanity':
      return [{ rule, finder: patternFinder(PROFANITY, stage, { label: rule.name, ignoreCase: true }) }];
    case 'topic': {
      checkCount(`${param}.examples`, rule.examples.length, MAX_EXAMPLES);
      const long = rule.examples.findIndex(({ length }) => length === 0 || length > MAX_EXAMPLE);
      if (long >= 0) throw invalid(`${param}.examples[${long}]`, `must have 1 to ${MAX_EXAMPLE} characters`);
      return [{ rule, threshold: checkThreshold(rule.threshold, param) }];
    }
    case 'injection':
      return [{ rule, threshold: checkThreshold(rule.threshold ?? INJECTION_THRESHOLD, param) }];
  }
}

function kindOf(type: string, param: string): PersonalKind {
  const known = PERSONAL_KINDS.find((kind) => kind === type);
  if (known) return known;
  throw invalid(`${param}.types`, `must be of ${[...PERSONAL_KINDS, ...ENTITY_KINDS].join(', ')}, got "${type}"`);
}

function checkThreshold(threshold: number, param: string): number {
  if (threshold > 0 && threshold <= 1) return threshold;
  throw invalid(`${param}.threshold`, `must be above 0 and at most 1, got ${threshold}`);
}

function checkCount(param: string, count: number, most: number): void {
  if (count < 1 || count > most) throw invalid(param, `must be 1 to ${most}, got ${count}`);
}
