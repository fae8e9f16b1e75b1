import t from 'tap';
import type { CallFormat } from '../../../../src/contracts/tokenizer.js';
import { CallParser } from '../../../../src/pipeline/calls/call-parser.js';

/** Text as it is, each call as `name(arguments)`. */
function read(format: CallFormat, text: string): string[] {
  const parser = new CallParser(format, new Map(['get_rate', 'list_accounts'].map((name) => [name, null])));
  const read: string[] = [];
  let wasText = false;
  for (const piece of [...parser.push(text), ...parser.end()]) {
    const isText = piece.type === 'text';
    if (isText && wasText) read[read.length - 1] += piece.text;
    else if (isText) read.push(piece.text);
    else if (piece.type === 'call') read.push(`${piece.name}(`);
    else if (piece.type === 'arguments') read[read.length - 1] += piece.text;
    else read[read.length - 1] += ')';
    wasText = isText;
  }
  return read;
}

const RATE = 'get_rate({"pair": "EUR"})';
const LIST = 'list_accounts({})';

const CASES: readonly [format: CallFormat, what: string, text: string, ...read: string[]][] = [
  ['hermes', 'one call', '<tool_call>\n{"name": "get_rate", "arguments": {"pair": "EUR"}}\n</tool_call>', RATE],
  [
    ...(['hermes', 'text before, and two calls'] as const),
    'I look.\n\n<tool_call>\n{"name": "get_rate", "arguments": {"pair": "EUR"}}\n</tool_call>\n<tool_call>\n{"name": "list_accounts", "arguments": {}}\n</tool_call>\n',
    ...['I look.', RATE, LIST],
  ],
  ['hermes', 'no end', '<tool_call>\n{"name": "get_rate", "arguments": {"pair": "EUR"}', RATE],
  ['hermes', 'a bracket too many', '<tool_call>{"name": "get_rate", "arguments": {"pair": "EUR"}}}</tool_call>', RATE],
  [
    'hermes',
    'a bracket too few',
    '<tool_call>{"name": "get_rate", "arguments": {"pair": "EUR"}</tool_call>x',
    RATE,
    'x',
  ],
  [
    'hermes',
    'members in another order',
    '<tool_call>{"arguments": {"pair": "EUR"}, "name": "get_rate"}</tool_call>',
    'get_rate({"pair":"EUR"})',
  ],
  [
    'hermes',
    'arguments as text',
    '<tool_call>{"name": "get_rate", "arguments": "{\\"pair\\": 1}"}</tool_call>',
    'get_rate({"pair":1})',
  ],
  ['hermes', 'no arguments', '<tool_call>{"name": "list_accounts"}</tool_call>', LIST],
  [
    'hermes',
    'a line end within a text',
    '<tool_call>{"name": "get_rate", "arguments": {"pair": "a\nb"}}</tool_call>',
    'get_rate({"pair": "a\\nb"})',
  ],
  [
    'hermes',
    'a function that there is not',
    '<tool_call>{"name": "x", "arguments": {}}</tool_call>',
    '<tool_call>{"name": "x", "arguments": {}}</tool_call>',
  ],
  ['hermes', 'no JSON', '<tool_call>get_rate(EUR)</tool_call>', '<tool_call>get_rate(EUR)</tool_call>'],
  [
    'hermes',
    'arguments that are no JSON',
    '<tool_call>{"name": "get_rate", "arguments": {"a": ]}</tool_call>!',
    'get_rate({"a": ]})',
    '!',
  ],
  ['hermes', 'a block of code', '```json\n{\n  "name": "get_rate",\n  "arguments": {"pair": "EUR"}\n}\n```', RATE],
  [
    'hermes',
    'a list in a block',
    'So:\n```json\n[{"name": "get_rate", "arguments": {"pair": "EUR"}},\n {"name": "list_accounts", "arguments": {}}]\n```',
    'So:',
    RATE,
    LIST,
  ],
  ['hermes', 'bare JSON', '{"name": "get_rate", "arguments": {"pair": "EUR"}}', RATE],
  ['hermes', 'JSON that is the answer', '{"name": "Anna", "age": 5}', '{"name": "Anna", "age": 5}'],
  ['hermes', 'code', 'Use:\n```ts\nif (a) {\n  b();\n}\n```', 'Use:\n```ts\nif (a) {\n  b();\n}\n```'],
  [
    'hermes',
    'JSON within a line',
    'It is {"name": "get_rate", "arguments": {}}.',
    'It is {"name": "get_rate", "arguments": {}}.',
  ],
  ['llama3', 'bare JSON', '{"name": "get_rate", "parameters": {"pair": "EUR"}}', RATE],
  ['llama3', 'with the tag', '<|python_tag|>{"name": "get_rate", "parameters": {"pair": "EUR"}}', RATE],
  [
    'llama3',
    'two',
    '{"name": "get_rate", "parameters": {"pair": "EUR"}}; {"name": "list_accounts", "parameters": {}}',
    RATE,
    LIST,
  ],
  [
    'mistral',
    'a list',
    '[TOOL_CALLS] [{"name": "get_rate", "arguments": {"pair": "EUR"}, "id": "abc123def"}, {"name": "list_accounts", "arguments": {}}]',
    RATE,
    LIST,
  ],
  [
    'mistral',
    'the name before',
    '[TOOL_CALLS]get_rate[ARGS]{"pair": "EUR"}[TOOL_CALLS]list_accounts[ARGS]{}',
    RATE,
    LIST,
  ],
];

for (const [format, what, text, ...expected] of CASES) {
  t.test(`${format}: ${what}`, async (t) => {
    t.same(read(format, text), expected);
  });
}
