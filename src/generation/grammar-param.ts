import type { GrammarSpec } from '../contracts/grammar.js';

/** How an error names what an answer is bound to. */
export function grammarParam(spec: GrammarSpec): string {
  if ('param' in spec) return spec.param;
  return spec.kind === 'structural_tag' ? (spec.tag.tags[0]?.param ?? 'tools') : 'response_format';
}
