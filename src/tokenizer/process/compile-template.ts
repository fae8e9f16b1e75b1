import { Template } from '@huggingface/jinja';

/** Renders a chat. @throws Error with what the template refuses */
export type Render = (values: Readonly<Record<string, unknown>>) => string;

/** Python's methods of the same names, with the characters to take away. The names are none that a template can have. */
const STRIPS = {
  'strip characters': (text: string, characters: string) => withoutEnd(withoutStart(text, characters), characters),
  'lstrip characters': withoutStart,
  'rstrip characters': withoutEnd,
};

/**
 * A Jinja template as Python's library renders it. The library here ignores what `strip`, `lstrip` and `rstrip` are given and
 * takes all blanks away (`lstrip('\n')` is in the templates of Qwen 3 and SmolLM3), so those calls go elsewhere.
 */
export function compileTemplate(source: string): Render {
  const template = new Template(source);
  redirectStrips(template.parsed);
  return (values) => template.render({ ...values, ...STRIPS });
}

/** Of the parser, whose own types do not resolve. */
interface Call {
  type: string;
  callee: { type: string; value?: string; object?: unknown; property?: { type: string; value: string } };
  args: unknown[];
}

function redirectStrips(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const children = node instanceof Map ? [...node.keys(), ...node.values()] : Object.values(node);
  for (const child of children) redirectStrips(child);
  const call = node as Call;
  if (call.type !== 'CallExpression' || call.callee.type !== 'MemberExpression' || call.args.length === 0) return;
  const name = `${call.callee.property!.value} characters`;
  if (call.callee.property!.type !== 'Identifier' || !Object.hasOwn(STRIPS, name)) return;
  call.args = [call.callee.object, ...call.args];
  call.callee = { type: 'Identifier', value: name };
}

function withoutStart(text: string, characters: string): string {
  const letters = [...text];
  const first = letters.findIndex((letter) => !characters.includes(letter));
  return first < 0 ? '' : letters.slice(first).join('');
}

function withoutEnd(text: string, characters: string): string {
  const letters = [...text];
  return letters.slice(0, letters.findLastIndex((letter) => !characters.includes(letter)) + 1).join('');
}
