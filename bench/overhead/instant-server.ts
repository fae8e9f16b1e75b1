/** An OpenAI-compatible server that answers at once, so that what is measured is whoever stands before it; long streams at a pace. */
import { createServer, type ServerResponse } from 'node:http';
import { AT_ONCE_TOKENS, TOKEN_EVERY_MS } from './streams.js';

const usage = { prompt_tokens: 20, completion_tokens: 2, total_tokens: 22 };
const head = { id: 'instant', created: 1, model: 'instant', system_fingerprint: 'fp' };
const chunk = (object: string, choice: object) => ({
  ...head,
  object,
  choices: [{ index: 0, logprobs: null, ...choice }],
});
const event = (one: object) => Buffer.from(`data: ${JSON.stringify(one)}\n\n`);
const stream = (...chunks: readonly object[]) =>
  Buffer.from([...chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`), 'data: [DONE]\n\n'].join(''));

const ANSWERS: Readonly<Record<string, { readonly whole: Buffer; readonly stream: Buffer }>> = {
  '/v1/completions': {
    whole: Buffer.from(JSON.stringify({ ...chunk('text_completion', { text: 'Yes.', finish_reason: 'stop' }), usage })),
    stream: stream({ ...chunk('text_completion', { text: 'Yes.', finish_reason: 'stop' }), usage }),
  },
  '/v1/chat/completions': {
    whole: Buffer.from(
      JSON.stringify({
        ...chunk('chat.completion', { message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }),
        usage,
      }),
    ),
    stream: stream(
      chunk('chat.completion.chunk', { delta: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }),
    ),
  },
};
/** One token of a stream that goes on. */
const TOKENS: Readonly<Record<string, Buffer>> = {
  '/v1/completions': event(chunk('text_completion', { text: ' yes', finish_reason: null })),
  '/v1/chat/completions': event(
    chunk('chat.completion.chunk', { delta: { role: 'assistant', content: ' yes' }, finish_reason: null }),
  ),
};
const MODELS = Buffer.from(JSON.stringify({ object: 'list', data: [{ id: 'instant', object: 'model' }] }));

const server = createServer((request, response) => {
  const answer = ANSWERS[request.url!];
  if (!answer) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': MODELS.length });
    response.end(MODELS);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    const streams = /"stream": ?true/.test(body);
    const tokens = Number(/"max_tokens": ?(\d+)/.exec(body)?.[1] ?? 0);
    if (streams && tokens > AT_ONCE_TOKENS) return pace(response, TOKENS[request.url!]!, answer.stream, tokens);
    const bytes = streams ? answer.stream : answer.whole;
    const contentType = streams ? 'text/event-stream' : 'application/json';
    response.writeHead(200, { 'content-type': contentType, 'content-length': bytes.length });
    response.end(bytes);
  });
});

/** A token every so often, and the end with the last one. */
function pace(response: ServerResponse, token: Buffer, end: Buffer, tokens: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = tokens;
  const timer = setInterval(() => {
    if (--left > 0) return void response.write(token);
    clearInterval(timer);
    response.end(end);
  }, TOKEN_EVERY_MS);
  response.on('close', () => clearInterval(timer));
}

server.keepAliveTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');
