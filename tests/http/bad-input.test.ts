import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { ERRORS, type ErrorCode } from '../../src/errors/table.js';
import { bearer, createTestServer } from './fakes.js';

const user = [{ role: 'user', content: 'Hi' }];
const chat = { model: 'assistant', messages: user };
const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });

/** Body of a chat, the code that it gets, and the field that the error names. */
const CHAT_CASES: [object | unknown[], ErrorCode, string | null][] = [
  [[], 'invalid_value', 'body'],
  [{}, 'invalid_value', 'messages'],
  [{ model: 'assistant' }, 'invalid_value', 'messages'],
  [{ ...chat, model: 5 }, 'invalid_value', 'model'],
  [{ ...chat, model: '' }, 'invalid_value', 'model'],
  [{ ...chat, model: 'nothing' }, 'model_not_found', null],
  [{ ...chat, messages: [] }, 'invalid_value', 'messages'],
  [{ ...chat, messages: 'Hi' }, 'invalid_value', 'messages'],
  [{ ...chat, messages: [null] }, 'invalid_value', 'messages[0]'],
  [{ ...chat, messages: [{ role: 'user', content: 'x', name: 'a b' }] }, 'invalid_value', 'messages[0].name'],
  [{ ...chat, messages: [{ role: 'user', content: [] }] }, 'invalid_value', 'messages[0].content'],
  [
    { ...chat, messages: [...user, { role: 'assistant', content: null, function_call: { name: 'f' } }] },
    'unsupported_parameter',
    'messages[1].function_call',
  ],
  [{ ...chat, messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
  [{ ...chat, messages: [...user, { role: 'user' }] }, 'invalid_value', 'messages[1].content'],
  [{ ...chat, messages: [{ role: 'user', content: 5 }] }, 'invalid_value', 'messages[0].content'],
  [
    { ...chat, messages: [{ role: 'user', content: [{ type: 'text' }] }] },
    'invalid_value',
    'messages[0].content[0].text',
  ],
  [
    { ...chat, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
    'unsupported_parameter',
    'messages[0].content[0]',
  ],
  [
    { ...chat, messages: [...user, { role: 'assistant', content: '', tool_calls: [{}] }] },
    'invalid_value',
    'messages[1].tool_calls[0].id',
  ],
  [{ ...chat, temperature: 3 }, 'invalid_value', 'temperature'],
  [{ ...chat, temperature: '1' }, 'invalid_value', 'temperature'],
  [{ ...chat, top_p: -0.1 }, 'invalid_value', 'top_p'],
  [{ ...chat, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
  [{ ...chat, max_tokens: 1.5 }, 'invalid_value', 'max_tokens'],
  [{ ...chat, seed: 2 ** 60 }, 'invalid_value', 'seed'],
  [{ ...chat, stop: new Array(17).fill('a') }, 'invalid_value', 'stop'],
  [{ ...chat, stop: ['a', ''] }, 'invalid_value', 'stop[1]'],
  [{ ...chat, stop: 5 }, 'invalid_value', 'stop'],
  [{ ...chat, logit_bias: { x: 1 } }, 'invalid_value', 'logit_bias'],
  [{ ...chat, logit_bias: { 1: 101 } }, 'invalid_value', 'logit_bias[1]'],
  [{ ...chat, top_logprobs: 3 }, 'invalid_value', 'top_logprobs'],
  [{ ...chat, logprobs: true, top_logprobs: 21 }, 'invalid_value', 'top_logprobs'],
  [{ ...chat, stream: 'yes' }, 'invalid_value', 'stream'],
  [{ ...chat, colour: 'red' }, 'unsupported_parameter', 'colour'],
  [{ ...chat, n: 9 }, 'invalid_value', 'n'],
  [{ ...chat, response_format: { type: 'json_schema' } }, 'invalid_value', 'response_format.json_schema'],
  [{ ...chat, response_format: { type: 'json_object' }, guided_regex: 'a' }, 'invalid_value', 'guided_regex'],
  [{ ...chat, modalities: ['audio'] }, 'unsupported_parameter', 'modalities'],
  [{ ...chat, audio: {} }, 'unsupported_parameter', 'audio'],
  [{ ...chat, functions: [] }, 'unsupported_parameter', 'functions'],
  [{ ...chat, function_call: 'auto' }, 'unsupported_parameter', 'function_call'],
  [{ ...chat, tool_choice: 'sometimes' }, 'invalid_value', 'tool_choice'],
  [{ ...chat, tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
  [{ ...chat, tool_choice: { type: 'file_search' } }, 'invalid_value', 'tool_choice'],
  [{ ...chat, stream_options: { include_usage: true } }, 'invalid_value', 'stream_options'],
  [{ ...chat, stream: true, stream_options: { every: 1 } }, 'unsupported_parameter', 'stream_options.every'],
  [{ ...chat, service_tier: 'first class' }, 'invalid_value', 'service_tier'],
  [{ ...chat, tools: [{ type: 'file_search', depth: 1 }] }, 'unsupported_parameter', 'tools[0].depth'],
  [
    { ...chat, tools: [{ type: 'file_search', ranking_options: { ranker: 'best' } }] },
    'invalid_value',
    'tools[0].ranking_options.ranker',
  ],
  [{ ...chat, reasoning_effort: 'high' }, 'unsupported_parameter', 'reasoning_effort'],
  [{ ...chat, verbosity: 'low' }, 'unsupported_parameter', 'verbosity'],
  [{ ...chat, web_search_options: {} }, 'unsupported_parameter', 'web_search_options'],
  [{ ...chat, tools: [{ type: 'file_search' }, { type: 'function' }] }, 'invalid_value', 'tools[1].function'],
  [{ ...chat, tools: [tool('a b')] }, 'invalid_value', 'tools[0].function.name'],
  [{ ...chat, tools: [tool('f'), tool('f')] }, 'invalid_value', 'tools'],
  [
    { ...chat, tools: [tool('f', { parameters: { type: 'string' } })] },
    'invalid_value',
    'tools[0].function.parameters.type',
  ],
  [{ ...chat, tools: [tool('f', { colour: 1 })] }, 'unsupported_parameter', 'tools[0].function.colour'],
  [
    { ...chat, tools: [{ ...tool('f'), vector_store_ids: ['a'] }] },
    'unsupported_parameter',
    'tools[0].vector_store_ids',
  ],
  [
    { ...chat, tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'g' } } },
    'invalid_value',
    'tool_choice',
  ],
  [{ ...chat, tool_choice: { type: 'function', function: { name: 'g' } } }, 'invalid_value', 'tool_choice'],
  [{ ...chat, tools: [{ type: 'file_search' }, { type: 'file_search' }] }, 'invalid_value', 'tools'],
  [{ ...chat, tools: [{ type: 'file_search', filters: {} }] }, 'invalid_value', 'tools[0].filters.type'],
  [{ ...chat, tools: [{ type: 'file_search', max_num_results: 51 }] }, 'invalid_value', 'tools[0].max_num_results'],
  [{ ...chat, tools: [{ type: 'file_search' }], retrieval: {} }, 'invalid_value', 'retrieval'],
  [{ ...chat, retrieval: { top_k: 0 } }, 'invalid_value', 'retrieval.top_k'],
  [{ ...chat, retrieval: { depth: 1 } }, 'unsupported_parameter', 'retrieval.depth'],
];

t.test('each kind of bad chat gets its status, its code and the name of the field', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  for (const [payload, code, param] of CHAT_CASES) {
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload });
    const name = JSON.stringify(payload);
    t.equal(response.statusCode, ERRORS[code].status, name);
    const { error } = response.json();
    t.match(error, { code, param, type: ERRORS[code].type }, name);
    t.notMatch(error.message, /\{\w+}|undefined/, `the message is filled: ${error.message}`);
  }
  t.equal(engine.requests.length, 0);
  t.equal(retrieval.searches.length, 0, 'nothing was searched for what is refused');
});

t.test('harmless parameters of OpenAI are accepted', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const payload = {
    ...chat,
    n: 1,
    response_format: { type: 'text' },
    modalities: ['text'],
    tools: [],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    user: 'u',
    metadata: { a: 'b' },
    store: false,
    service_tier: 'auto',
    safety_identifier: 's',
    prompt_cache_key: 'k',
    prompt_cache_retention: '24h',
    prediction: { type: 'content', content: 'x' },
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
  };
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload });
  t.equal(response.statusCode, 200, response.body);
});

t.test('what is no JSON, or no body of ours, is told apart', async (t) => {
  const { app } = await createTestServer({ server: { maxBodyBytes: 2048 } });
  t.teardown(() => app.close());
  const post = (payload: string, contentType?: string) =>
    app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: { ...bearer(), ...(contentType && { 'content-type': contentType }) },
      payload,
    });
  const json = 'application/json';
  const cases: [string, string | undefined, ErrorCode][] = [
    ['{"model": ', json, 'invalid_json'],
    ['', json, 'invalid_json'],
    ['{"__proto__": {"x": 1}}', json, 'invalid_json'],
    ['model=assistant', 'application/x-www-form-urlencoded', 'unsupported_media_type'],
    ['hello', 'text/plain', 'unsupported_media_type'],
    ['--x--', 'multipart/form-data; boundary=x', 'unsupported_media_type'],
    [JSON.stringify({ ...chat, user: 'x'.repeat(3000) }), json, 'body_too_large'],
    ['"text"', json, 'invalid_value'],
    ['null', json, 'invalid_value'],
  ];
  for (const [payload, contentType, code] of cases) {
    const response = await post(payload, contentType);
    t.equal(response.json().error.code, code, payload.slice(0, 40));
    t.equal(response.statusCode, ERRORS[code].status, payload.slice(0, 40));
  }
});

t.test('a prompt that is too long says how long, how much was asked for, and how much fits', async (t) => {
  const { app, engine, registry } = await createTestServer();
  t.teardown(() => app.close());
  engine.answer([
    { fail: new AppError('context_length_exceeded', { promptTokens: 900, maxTokens: 1, contextTokens: 512 }) },
  ]);
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload: chat });
  t.equal(response.statusCode, 400);
  t.match(response.json().error, { code: 'context_length_exceeded', message: /900.*512/ });
  t.match(registry.answers, [{ outcome: 'context_length_exceeded' }]);
});

t.test('a bad header names itself', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  for (const [header, value] of [
    ['x-canary', 'sometimes'],
    ['x-adapter-version', 'two'],
    ['x-adapter-version', '0'],
    ['x-adapter-version', '0x1'],
    ['x-adapter-version', '1.5'],
    ['x-adapter-version', 'true'],
  ] as const) {
    const headers = { ...bearer(), [header]: value };
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload: chat });
    t.equal(response.statusCode, 400);
    t.match(response.json().error, { code: 'invalid_value', param: header });
  }
});

t.test('a route that does not exist says where the routes are listed', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const response = await app.inject({ method: 'POST', url: '/v1/chat?x=1', headers: bearer(), payload: {} });
  t.equal(response.statusCode, 404);
  t.match(response.json().error, {
    code: 'route_not_found',
    message: 'POST /v1/chat does not exist. /docs lists the routes.',
  });
});

t.test('a failure of our own is hidden behind the request id', async (t) => {
  const lines: string[] = [];
  const { app, registry } = await createTestServer({ onLogLine: (line) => lines.push(line) });
  t.teardown(() => app.close());
  registry.getDeployment = async () => {
    throw new Error('secret detail');
  };
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload: chat });
  t.equal(response.statusCode, 500);
  t.notMatch(response.body, 'secret detail');
  t.match(response.json().error, { code: 'internal', message: String(response.headers['x-request-id']) });
  t.match(lines.join(''), 'secret detail', 'the log has it');
});

t.test('a failure inside a child process gets the request id too', async (t) => {
  const { app, engine } = await createTestServer();
  t.teardown(() => app.close());
  engine.answer([{ fail: AppError.fromMessage({ code: 'internal', params: {} }) }]);
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload: chat });
  t.equal(response.statusCode, 500);
  t.match(response.json().error.message, String(response.headers['x-request-id']));
});
