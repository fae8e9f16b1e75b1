import type { GrammarSpec } from '../../contracts/grammar.js';
import { AppError } from '../../errors/app-error.js';
import { grammarParam } from '../../generation/grammar-param.js';
import { assemble } from './assemble.js';
import { leftRecursive, withoutDeadEnds } from './check.js';
import { type Expr, oneOf } from './expr.js';
import { GrammarError, gbnfRules } from './gbnf.js';
import { schemaRules } from './json-schema.js';
import type { Program } from './program.js';
import { PatternError, regexExpr } from './regex.js';
import { SchemaError } from './schema-merge.js';
import { structuralRules } from './structural-tag.js';

/** Characters of a grammar or schema. */
const MOST_TEXT = 512 * 1024;

/**
 * Turns what a request asks for into what the engine runs. What takes long does so within the limits of the process that it
 * is called in.
 * @throws AppError `invalid_value`, which names the parameter, and the place within a schema
 */
export function compileGrammar(spec: GrammarSpec): Program {
  const param = grammarParam(spec);
  const { length } = JSON.stringify(spec);
  if (length > MOST_TEXT) throw invalid(param, `it has ${length} characters; at most ${MOST_TEXT} are accepted`);
  try {
    const rules = withoutDeadEnds(rulesOf(spec));
    if (rules === null) throw invalid(param, 'no answer can be what it asks for; loosen it');
    if (leftRecursive(rules) !== -1) throw invalid(param, 'a rule begins with itself; write it as a repetition');
    return assemble(rules);
  } catch (error) {
    if (error instanceof PatternError || error instanceof GrammarError) throw invalid(param, error.message);
    // Of numbers of states, and of calls within each other.
    if (error instanceof RangeError) throw invalid(param, 'it is too large; make it smaller, or split the request');
    throw error;
  }
}

function rulesOf(spec: GrammarSpec): Expr[] {
  switch (spec.kind) {
    case 'json':
      return schemaRules({ type: 'object' });
    case 'json_schema':
      return rulesOfSchema(spec.schema, spec.param);
    case 'regex':
      return [regexExpr(spec.pattern, false)];
    case 'choice':
      return [oneOf(spec.choices)];
    case 'ebnf':
      return gbnfRules(spec.grammar);
    case 'structural_tag': {
      const rules: Expr[] = [];
      structuralRules(spec.tag, (tag) => embedded(rulesOfSchema(tag.schema, tag.param), rules), rules);
      return rules;
    }
  }
}

function rulesOfSchema(source: string, param: string): Expr[] {
  let schema: unknown;
  try {
    schema = JSON.parse(source);
  } catch (error) {
    throw invalid(param, `it is no JSON: ${(error as Error).message}`);
  }
  try {
    return schemaRules(schema);
  } catch (error) {
    if (error instanceof SchemaError) throw invalid(param, `at ${error.path}: ${error.message}`);
    throw error;
  }
}

/** Adds rules behind others; returns the call of the first. */
function embedded(added: readonly Expr[], rules: Expr[]): Expr {
  const offset = rules.length;
  const moved = (expr: Expr): Expr => {
    switch (expr.kind) {
      case 'rule':
        return { kind: 'rule', rule: expr.rule + offset };
      case 'seq':
      case 'alt':
        return { ...expr, items: expr.items.map(moved) };
      case 'repeat':
        return { ...expr, item: moved(expr.item) };
      default:
        return expr;
    }
  };
  rules.push(...added.map(moved));
  return { kind: 'rule', rule: offset };
}

function invalid(param: string, reason: string): AppError {
  return new AppError('invalid_value', { param, reason });
}
