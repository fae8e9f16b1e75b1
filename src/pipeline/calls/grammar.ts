import type { GrammarSpec } from '../../contracts/grammar.js';
import type { ToolDefinition } from '../../contracts/prompt.js';
import type { CallFormat } from '../../contracts/tokenizer.js';
import type { OfferedTools } from '../types.js';

interface Frame {
  /** Of the name, and between it and the arguments. */
  readonly before: string;
  readonly behind: string;
  readonly end: string;
  readonly separator: string;
}

/**
 * What stands around the arguments of a call: as the family writes it, but for marks that are special tokens, which no grammar
 * over texts can name.
 */
const FRAMES: Readonly<Record<CallFormat, Frame>> = {
  hermes: {
    before: '<tool_call>\n{"name": "',
    behind: '", "arguments": ',
    end: '}\n</tool_call>',
    separator: '\n',
  },
  llama3: { before: '{"name": "', behind: '", "parameters": ', end: '}', separator: '; ' },
  mistral: { before: '{"name": "', behind: '", "arguments": ', end: '}', separator: ', ' },
};
const ANY_OBJECT = '{"type":"object"}';

/** What an answer is bound to, so that it asks for what it must, and as it must; null: it is free. */
export function callGrammar(format: CallFormat, { tools, choice, parallel }: OfferedTools): GrammarSpec | null {
  const { before, behind, end, separator } = FRAMES[format];
  const toTag = ({ name, parameters, strict }: ToolDefinition) => ({
    begin: before + name + behind,
    // A call that is wanted for certain has to be one that can be made.
    schema: strict || choice !== 'auto' ? JSON.stringify({ type: 'object', ...parameters }) : ANY_OBJECT,
    end,
    param: `tools.${name}.parameters`,
  });
  if (choice !== 'auto') {
    const wanted = choice === 'required' ? tools : tools.filter(({ name }) => name === choice.name);
    const tag = { type: 'tags_with_separator', tags: wanted.map(toTag), separator, stopAfterFirst: !parallel } as const;
    return { kind: 'structural_tag', tag };
  }
  if (!tools.some(({ strict }) => strict)) return null;
  return {
    kind: 'structural_tag',
    tag: { type: 'triggered_tags', triggers: [before], tags: tools.map(toTag), stopAfterFirst: !parallel },
  };
}
