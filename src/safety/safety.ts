import { LRUCache } from 'lru-cache';
import type { RecogniseEntities } from '../contracts/entities.js';
import type { Safety, SafetyDecision, SafetyPolicy, SafetyStage, Screen } from '../contracts/safety.js';
import { AppError } from '../errors/app-error.js';
import { redact } from '../patterns/finder.js';
import { blankEntities } from '../personal-data/scrub.js';
import { dot } from '../vectors/dot.js';
import { createFindEntities } from './entities.js';
import { HEAD_EMBEDDER, injectionProbability } from './injection.js';
import { createModerate } from './moderate.js';
import { createOutputScreen } from './output.js';
import { piecesOrRefuse } from './pieces.js';
import { type Embed, remembering } from './remember.js';
import {
  type CompiledRule,
  type CompiledRules,
  compileRules,
  type EntityRule,
  type TextRule,
  type VectorRule,
} from './rules.js';

/** Policies whose patterns are kept ready. */
const MAX_COMPILED = 256;

export interface SafetyOptions {
  /** Of the embedding model that runs. */
  readonly embedderId: string;
  readonly embed: Embed;
  /** null: no model that finds names is configured. */
  readonly recognise: RecogniseEntities | null;
}

/** What a rule's hit means for what it was found in: nothing, or its end. */
type Verdict =
  | { readonly type: 'goes_on' }
  | { readonly type: 'block' }
  | { readonly type: 'refuse'; readonly text: string };

const GOES_ON: Verdict = { type: 'goes_on' };

export function createSafety({ embedderId, embed, recognise }: SafetyOptions): Safety {
  const compiled = new LRUCache<string, CompiledRules>({ max: MAX_COMPILED });
  const vectorsOf = remembering(embed);
  const findEntities = createFindEntities(recognise);

  const compile = ({ tenant, name, revision, rules }: SafetyPolicy): CompiledRules => {
    const key = `${tenant}/${name}@${revision}`;
    const known = compiled.get(key) ?? compileRules(rules);
    compiled.set(key, known);
    return known;
  };

  /** Whether a piece of the texts is what the rule is about. */
  async function isAbout(
    { rule, threshold }: VectorRule,
    tenant: string,
    texts: readonly string[],
    signal: AbortSignal,
  ) {
    const pieces = piecesOrRefuse(texts, 'messages', 'the last message');
    if (pieces.length === 0) return false;
    const vectors = await vectorsOf(tenant, pieces, signal);
    if (rule.kind === 'injection') return vectors.some((vector) => injectionProbability(vector) >= threshold);
    const examples = await vectorsOf(tenant, rule.examples, signal);
    return vectors.some((vector) => examples.some((example) => dot(vector, example) >= threshold));
  }

  function check(rules: SafetyPolicy['rules']): void {
    const { input, passages, output } = compileRules(rules);
    const naming = [...input, ...passages, ...output].find((compiled) => 'entities' in compiled);
    if (naming && recognise === null) {
      const reason =
        'name and address are found by a model, and none is configured. Leave them out, or set models.ner to rampart-ner and run "switchyard models pull"';
      throw new AppError('invalid_value', { param: naming.rule.name, reason });
    }
    const judging = [...input, ...passages].find(({ rule }) => rule.kind === 'injection');
    if (judging && embedderId !== HEAD_EMBEDDER) {
      const reason = `was trained on vectors of ${HEAD_EMBEDDER}, and ${embedderId} runs. Leave injection rules out, or set models.embedder`;
      throw new AppError('invalid_value', { param: judging.rule.name, reason });
    }
  }

  return {
    check,
    moderate: createModerate(embedderId === HEAD_EMBEDDER ? vectorsOf : null, recognise && findEntities),

    screen(policy): Screen {
      const { tenant } = policy;
      const rules = compile(policy);
      const found = new Map<string, SafetyDecision>();
      const note = (stage: SafetyStage, { name, kind, action }: CompiledRule['rule'], count: number): void => {
        const before = found.get(name)?.count ?? 0;
        found.set(name, { stage, rule: name, kind, action, count: before + count });
      };
      const blocked = (rule: CompiledRule['rule']) =>
        new AppError('content_filter', { rule: rule.name, policy: `${policy.name}@${policy.revision}` });

      /** Changes the texts in their place. @param judged which of them are classified */
      async function apply(
        stage: SafetyStage,
        compiledRule: CompiledRule,
        texts: string[],
        judged: readonly number[],
        signal: AbortSignal,
      ): Promise<Verdict> {
        const { rule } = compiledRule;
        const count = await find(compiledRule, texts, judged, signal);
        if (count === 0) return GOES_ON;
        note(stage, rule, count);
        if (rule.action === 'block') return { type: 'block' };
        return rule.action === 'refuse' ? { type: 'refuse', text: rule.text! } : GOES_ON;
      }

      async function find(
        compiledRule: CompiledRule,
        texts: string[],
        judged: readonly number[],
        signal: AbortSignal,
      ): Promise<number> {
        if ('finder' in compiledRule) {
          const { finder } = compiledRule;
          return replaceIn(texts, compiledRule, (text) => redact(text, finder));
        }
        if ('entities' in compiledRule) {
          const found = await findEntities(compiledRule.entities, tenant, texts, 'messages', signal);
          return replaceIn(texts, compiledRule, (text, index) => blankEntities(text, found[index]!));
        }
        const turn = judged.map((index) => texts[index]!);
        return Number(await isAbout(compiledRule, tenant, turn, signal));
      }

      return {
        async input(given, turn, signal) {
          const texts = [...given, ...turn];
          const judged = turn.map((_, index) => given.length + index);
          for (const rule of rules.input) {
            const verdict = await apply('input', rule, texts, judged, signal);
            if (verdict.type === 'block') throw blocked(rule.rule);
            if (verdict.type === 'refuse') return { texts, refusal: verdict.text };
          }
          return { texts, refusal: null };
        },

        async passages(given, signal) {
          const passages: (readonly string[] | null)[] = [];
          for (const one of given) {
            const texts = [...one];
            let isKept = true;
            for (const rule of rules.passages) {
              const verdict = await apply('passages', rule, texts, [...texts.keys()], signal);
              if (verdict.type === 'refuse') return { passages: [], refusal: verdict.text };
              if (verdict.type === 'block') {
                isKept = false;
                break;
              }
            }
            passages.push(isKept ? texts : null);
          }
          return { passages, refusal: null };
        },

        output:
          rules.output.length === 0
            ? null
            : createOutputScreen(rules.output, (rule, count) => note('output', rule, count), {
                isAbout: (rule, text, signal) => isAbout(rule, tenant, [text], signal),
                findIn: async ({ entities }, text, signal) =>
                  (await findEntities(entities, tenant, [text], 'messages', signal))[0]!,
              }),

        decisions: () => [...found.values()],
      };
    },
  };
}

/** Replaces what the rule finds in the texts where it says so. Returns how often it found something. */
function replaceIn(
  texts: string[],
  { rule }: TextRule | EntityRule,
  blankOut: (text: string, index: number) => { readonly text: string; readonly count: number },
): number {
  let sum = 0;
  for (const [index, given] of texts.entries()) {
    const { text, count } = blankOut(given, index);
    if (rule.action === 'redact') texts[index] = text;
    sum += count;
  }
  return sum;
}
