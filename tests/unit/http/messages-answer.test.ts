import t from 'tap';
import { createEncoder } from '../../../src/http/routes/v1/messages/answer.js';
import type { AnswerEvent } from '../../../src/pipeline/types.js';

const USAGE = { promptTokens: 9, cachedTokens: 4, completionTokens: 5 };
const EVENTS = [
  { type: 'routed', id: 'msg_1', route: { model: 'assistant@1' } },
  { type: 'started', promptTokens: 9, cachedTokens: 4, search: null },
  { type: 'reasoning', text: 'Hm.' },
  { type: 'delta', text: 'I look.', logprobs: [] },
  { type: 'tool_call', index: 0, id: 'call_1', name: 'fees' },
  { type: 'tool_arguments', index: 0, text: '{"of":' },
  { type: 'tool_arguments', index: 0, text: '"card"}' },
  { type: 'tool_call', index: 1, id: 'call_2', name: 'hours' },
  { type: 'finished', reason: 'tool_calls', stopText: null, usage: USAGE, grounding: null },
] as unknown as AnswerEvent[];

t.test('thoughts, text and calls are blocks of their own, each begun and ended', async (t) => {
  const { encode, message } = createEncoder();
  const frames = EVENTS.flatMap((event) => encode(event)).map(({ data }) => data as { type: string; index?: number });
  t.same(
    frames.flatMap(({ type, index }) => (type.startsWith('content_block_') && !type.endsWith('delta') ? [index] : [])),
    [0, 0, 1, 1, 2, 2, 3, 3],
  );
  t.match(frames[0], { type: 'message_start', message: { id: 'msg_1', content: [], usage: { input_tokens: 5 } } });
  const json = frames.filter(({ index, type }) => index === 2 && type === 'content_block_delta');
  t.match(json, [{ delta: { partial_json: '{"of":' } }, { delta: { partial_json: '"card"}' } }]);
  t.same(message(), {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'assistant@1',
    content: [
      { type: 'thinking', thinking: 'Hm.', signature: '' },
      { type: 'text', text: 'I look.', citations: null },
      { type: 'tool_use', id: 'call_1', name: 'fees', input: { of: 'card' } },
      { type: 'tool_use', id: 'call_2', name: 'hours', input: {} },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: {
      input_tokens: 5,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 4,
      output_tokens: 5,
    },
  });
});

t.test('a stop text that ended the answer is named', async (t) => {
  const { encode, message } = createEncoder();
  for (const event of EVENTS.slice(0, 4)) encode(event);
  encode({ ...EVENTS.at(-1), reason: 'stop', stopText: 'END' } as AnswerEvent);
  t.match(message(), { stop_reason: 'stop_sequence', stop_sequence: 'END' });
});
