import { tokenize } from '@huggingface/jinja';
import type { CallFormat } from '../../contracts/tokenizer.js';

/** Methods with which a template looks for a text in a message. */
const SEARCHES = new Set(['split', 'rsplit', 'startswith', 'endswith', 'find', 'replace', 'partition']);
/** `<|user|>`, `<<SYS>>`, `[INST]`, wherever they stand. */
const BRACKETED = /<{1,2}[^<>\s]{1,64}>{1,2}|\[\/?[A-Z_]{2,}\]/g;
/** `USER:` or `### Response:`, at the beginning of a line. */
const LABEL = /^(?:#+ *)?(?:user|assistant|human|system|instruction|response|input|bot|ai|model)\b *:/gim;

/** What a chat template says about the texts that structure its prompts. */
export interface TemplateTexts {
  /** Markers that it writes as plain text. */
  readonly bracketed: readonly string[];
  /** The same, of the kind that counts at the beginning of a line only. */
  readonly labels: readonly string[];
  /** Texts that it looks for in messages, e.g. the tags around a model's thoughts, which it cuts out of the history. */
  readonly lookedFor: ReadonlySet<string>;
  /** How calls are written; null: it knows no tools, or has another way. */
  readonly calls: CallFormat | null;
  /** What it looks at beside messages and tools. */
  readonly names: ReadonlySet<string>;
  /** Whether the model may think in tags. */
  readonly thinks: boolean;
}

/** Of the lexer, whose own types do not resolve. */
interface TemplateToken {
  readonly type: string;
  readonly value: string;
}

/** By the mark that a template writes around a call. Llama's newer ones write none, but name the role of results. */
function callFormatOf(written: string): CallFormat | null {
  if (written.includes('<tool_call>')) return written.includes('<function=') ? null : 'hermes';
  if (written.includes('[TOOL_CALLS]')) return 'mistral';
  return written.includes('ipython') ? 'llama3' : null;
}

/** Reads the string literals of a Jinja template, and what it does with them. */
export function readTemplate(source: string): TemplateTexts {
  const tokens: readonly TemplateToken[] = tokenize(source, { lstrip_blocks: true, trim_blocks: true });
  const written = tokens.filter(({ type }) => type === 'Text' || type === 'StringLiteral').map(({ value }) => value);
  const lookedFor = tokens.flatMap(({ type, value }, i) => {
    if (type !== 'StringLiteral' || value.trim() === '') return [];
    const isSearched = tokens[i - 1]?.type === 'OpenParen' && SEARCHES.has(tokens[i - 2]?.value ?? '');
    const isIn = tokens[i + 1]?.value === 'in' || (tokens[i + 1]?.value === 'not' && tokens[i + 2]?.value === 'in');
    return isSearched || isIn ? [value] : [];
  });
  const all = (pattern: RegExp) => [...new Set(written.flatMap((text) => text.match(pattern) ?? []))];
  const mentions = (name: string) => tokens.some(({ value }) => value === name);
  return {
    bracketed: all(BRACKETED),
    labels: all(LABEL),
    lookedFor: new Set(lookedFor),
    calls: mentions('tools') && mentions('tool_calls') ? callFormatOf(written.join('\n')) : null,
    names: new Set(tokens.filter(({ type }) => type === 'Identifier').map(({ value }) => value)),
    thinks: written.some((text) => text.includes('<think>') || text.includes('</think>')),
  };
}
