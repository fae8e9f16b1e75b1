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
      return { structural_tag: JSON.stringify({ type: 'structural_tag', format: toFormat(spec.tag) }) };
  }
}

/** As xgrammar names it. */
function toFormat({ tags, stopAfterFirst, ...tag }: Extract<GrammarSpec, { kind: 'structural_tag' }>['tag']): object {
  const all = tags.map(({ begin, schema, end }) => ({
    type: 'tag',
    begin,
    content: { type: 'json_schema', json_schema: JSON.parse(schema) },
    end,
  }));
  return { ...tag, tags: all, stop_after_first: stopAfterFirst, at_least_one: tag.type === 'tags_with_separator' };
}

/** As llama-server's `/completion` takes it; null for what it has no word for. */
export function toLlamaGrammar(spec: GrammarSpec): object | null {
  switch (spec.kind) {
    case 'json':
      return { json_schema: { type: 'object' } };
    case 'json_schema':
      return { json_schema: JSON.parse(spec.schema) };
    case 'choice':
      return { grammar: `root ::= ${spec.choices.map(quoted).join(' | ')}` };
    case 'ebnf':
      return { grammar: spec.grammar };
    default:
      return null;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

function quoted(text: string): string {
  return `"${text.replace(/["\\\n\r]/g, (character) => ESCAPES[character]!)}"`;
}
