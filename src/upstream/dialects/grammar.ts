import type { GrammarSpec } from '../../contracts/grammar.js';
import { grammarParam } from '../../generation/grammar-param.js';

/** What a request asks for it with, for servers that have no word for it. */
export function askedWith(spec: GrammarSpec): string {
  if (spec.kind !== 'structural_tag') return grammarParam(spec);
  return spec.tag.type === 'tags_with_separator' ? 'tool_choice' : 'tools.strict';
}

/** As vLLM takes it: `structured_outputs`. */
export function toStructuredOutputs(spec: GrammarSpec): object {
  switch (spec.kind) {
    case 'json':
      return { json_object: true };
    case 'json_schema':
      return { json: spec.schema };
    case 'regex':
      return { regex: spec.pattern };
    case 'choice':
      return { choice: spec.choices };
    case 'ebnf':
      return { grammar: spec.grammar };
    case 'structural_tag':
      return { structural_tag: JSON.stringify(toStructuralTag(spec.tag)) };
  }
}

/** As SGLang's `/v1/completions` takes it. */
export function toSglangGrammar(spec: GrammarSpec): object {
  switch (spec.kind) {
    case 'json':
      return { json_schema: '{"type":"object"}' };
    case 'json_schema':
      return { json_schema: spec.schema };
    case 'regex':
      return { regex: spec.pattern };
    case 'choice':
      return { ebnf: toRule(spec.choices) };
    case 'ebnf':
      return { ebnf: spec.grammar };
    case 'structural_tag':
      return { response_format: toStructuralTag(spec.tag) };
  }
}

type StructuralTag = Extract<GrammarSpec, { kind: 'structural_tag' }>['tag'];

/** As xgrammar names it. */
function toStructuralTag({ tags, stopAfterFirst, ...tag }: StructuralTag): object {
  const all = tags.map(({ begin, schema, end }) => ({
    type: 'tag',
    begin,
    content: { type: 'json_schema', json_schema: JSON.parse(schema) },
    end,
  }));
  const format = { ...tag, tags: all, stop_after_first: stopAfterFirst };
  return { type: 'structural_tag', format: { ...format, at_least_one: tag.type === 'tags_with_separator' } };
}

/** As llama-server's `/completion` takes it; null for what it has no word for. */
export function toLlamaGrammar(spec: GrammarSpec): object | null {
  switch (spec.kind) {
    case 'json':
      return { json_schema: { type: 'object' } };
    case 'json_schema':
      return { json_schema: JSON.parse(spec.schema) };
    case 'choice':
      return { grammar: toRule(spec.choices) };
    case 'ebnf':
      return { grammar: spec.grammar };
    default:
      return null;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

const toRule = (choices: readonly string[]): string => `root ::= ${choices.map(quoted).join(' | ')}`;

function quoted(text: string): string {
  return `"${text.replace(/["\\\n\r]/g, (character) => ESCAPES[character]!)}"`;
}
