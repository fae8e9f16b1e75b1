import t from 'tap';
import { createBuilder } from '../../../src/http/routes/v1/responses/resource.js';
import type { AnswerEvent } from '../../../src/pipeline/types.js';

const USAGE = { promptTokens: 9, cachedTokens: 4, completionTokens: 5 };
const ROUTED = { type: 'routed', id: 'resp_1', route: { model: 'assistant@1', generation: {} } };
const STARTED = { type: 'started', promptTokens: 9, cachedTokens: 4, search: null };
const FINISHED = { type: 'finished', reason: 'stop', stopText: null, usage: USAGE, grounding: null };

function build(events: object[], body: object = {}) {
  const start = { id: 'resp_1', body: { model: 'assistant', input: 'x', ...body }, store: false, createdAtMs: 1000 };
  const builder = createBuilder(start, () => 3000);
  const frames = events.flatMap((event) =>
    // As they are when they are sent: what follows may change what they show.
    builder.encode(event as AnswerEvent).map(({ data }) => JSON.parse(JSON.stringify(data))),
  );
  return { frames, resource: builder.resource(), builder };
}

t.test('events are numbered, and each item is added, filled and done before the next', async (t) => {
  const { frames, resource } = build([
    ROUTED,
    STARTED,
    { type: 'reasoning', text: 'Hm.' },
    { type: 'delta', text: 'I ', logprobs: [] },
    { type: 'delta', text: 'look.', logprobs: [] },
    { type: 'tool_call', index: 0, id: 'call_1', name: 'fees' },
    { type: 'tool_arguments', index: 0, text: '{}' },
    { ...FINISHED, reason: 'tool_calls' },
  ]);
  t.same(
    frames.map(({ sequence_number: number }) => number),
    frames.map((_, index) => index),
  );
  t.same(
    frames.map(({ type }) => type.slice('response.'.length)),
    [
      ...['created', 'in_progress'],
      ...['output_item.added', 'reasoning_text.delta', 'reasoning_text.done', 'output_item.done'],
      ...['output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done'],
      ...['output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'],
      'completed',
    ],
  );
  t.match(frames.find(({ type }) => type === 'response.content_part.added').part, { text: '', annotations: [] });
  t.match(resource, {
    status: 'completed',
    model: 'assistant@1',
    created_at: 1,
    completed_at: 3,
    output: [
      { type: 'reasoning', id: /^rs_/, content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { type: 'message', id: /^msg_/, status: 'completed', content: [{ type: 'output_text', text: 'I look.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'fees', arguments: '{}', status: 'completed' },
    ],
    usage: { input_tokens: 9, output_tokens: 5, total_tokens: 14, input_tokens_details: { cached_tokens: 4 } },
  });
});

t.test(
  'an answer that was cut is incomplete, one that went wrong has failed, and an empty one is a message',
  async (t) => {
    const cut = build([ROUTED, STARTED, { type: 'delta', text: 'I', logprobs: [] }, { ...FINISHED, reason: 'length' }]);
    t.match(cut.resource, {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    });
    t.equal(cut.frames.at(-1).type, 'response.incomplete');
    t.match(build([ROUTED, STARTED, FINISHED]).resource.output, [{ type: 'message', content: [{ text: '' }] }]);
    const { builder } = build([ROUTED, STARTED]);
    const [failed] = builder.failed({ code: 'engine_unavailable', message: 'It is gone.' } as never);
    t.match(failed, {
      event: 'response.failed',
      data: { response: { status: 'failed', error: { code: 'engine_unavailable', message: 'It is gone.' } } },
    });
  },
);

t.test('a search that was asked for is an item, with its results where they were asked for', async (t) => {
  const found = {
    fileId: 'f1',
    filename: 'fees.md',
    score: 0.9,
    text: 'The fee is 5 EUR.',
    attributes: { year: 2026 },
  };
  const started = { ...STARTED, search: { query: 'fee?', passages: [found] } };
  const tools = [{ type: 'file_search' }];
  const plain = build([ROUTED, started, FINISHED], { tools });
  t.match(plain.resource.output[0], {
    type: 'file_search_call',
    status: 'completed',
    queries: ['fee?'],
    results: null,
  });
  const { resource } = build([ROUTED, started, FINISHED], { tools, include: ['file_search_call.results'] });
  t.same((resource.output[0] as unknown as { results: object[] }).results, [
    { file_id: 'f1', filename: 'fees.md', score: 0.9, text: 'The fee is 5 EUR.', attributes: { year: 2026 } },
  ]);
  t.equal(build([ROUTED, started, FINISHED]).resource.output.length, 1, 'nobody asked for one by a tool');
});
