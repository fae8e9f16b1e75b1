/** An OpenAI-compatible server that answers at once, so that what is measured is whoever stands before it. */
import { createServer } from 'node:http';

const usage = { prompt_tokens: 20, completion_tokens: 2, total_tokens: 22 };
const head = { id: 'instant', created: 1, model: 'instant', system_fingerprint: 'fp' };
const chunk = (object: string, choice: object) => ({
  ...head,
  object,
  choices: [{ index: 0, logprobs: null, ...choice }],
});
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
    const streams = body.includes('"stream":true');
    const bytes = streams ? answer.stream : answer.whole;
    const contentType = streams ? 'text/event-stream' : 'application/json';
    response.writeHead(200, { 'content-type': contentType, 'content-length': bytes.length });
    response.end(bytes);
  });
});
server.keepAliveTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');
