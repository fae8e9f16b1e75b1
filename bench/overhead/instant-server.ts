/**
 * An OpenAI-compatible server that answers at once, so that what is measured is whoever stands before it; long streams at a pace. Its
 * answers are bytes that lie ready, and it reads no more of a request than it needs: what it takes of the processor is not there for others.
 */
import { createServer, type Socket } from 'node:net';
import { AT_ONCE_TOKENS, TOKEN_EVERY_MS } from './streams.js';

const usage = { prompt_tokens: 20, completion_tokens: 2, total_tokens: 22 };
const common = { id: 'instant', created: 1, model: 'instant', system_fingerprint: 'fp' };
const chunk = (object: string, choice: object) => ({
  ...common,
  object,
  choices: [{ index: 0, logprobs: null, ...choice }],
});
const event = (one: object | string) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`;
const inChunks = (...texts: readonly string[]) =>
  texts.map((text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`).join('');
const OPEN = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const END = '0\r\n\r\n';
const LAST_CHUNK = `\r\n${END}`;
const whole = (contentType: string, body: string) =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );

interface Answers {
  readonly whole: Buffer;
  /** A stream that is over at once. */
  readonly stream: Buffer;
  /** One token of a stream that goes on, and how that ends. */
  readonly token: Buffer;
  readonly end: Buffer;
}

function answersOf(answer: object, last: object, token: object): Answers {
  const ending = [event(last), event('[DONE]')];
  return {
    whole: whole('application/json', JSON.stringify(answer)),
    stream: whole('text/event-stream', ending.join('')),
    token: Buffer.from(inChunks(event(token))),
    end: Buffer.from(inChunks(...ending) + END),
  };
}

const text = { ...chunk('text_completion', { text: 'Yes.', finish_reason: 'stop' }), usage };
const ANSWERS: Readonly<Record<string, Answers>> = {
  '/v1/completions': answersOf(text, text, chunk('text_completion', { text: ' yes', finish_reason: null })),
  '/v1/chat/completions': answersOf(
    {
      ...chunk('chat.completion', { message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }),
      usage,
    },
    chunk('chat.completion.chunk', { delta: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }),
    chunk('chat.completion.chunk', { delta: { role: 'assistant', content: ' yes' }, finish_reason: null }),
  ),
};
const MODELS = whole(
  'application/json',
  JSON.stringify({ object: 'list', data: [{ id: 'instant', object: 'model' }] }),
);

interface Request {
  readonly path: string;
  readonly body: string;
  /** Of head and body together. */
  readonly length: number;
  /** Whoever asked reads one answer and closes. */
  readonly isLast: boolean;
}

/** null: some of it is to come. */
function readRequest(received: string): Request | null {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = received.slice(0, headEnd);
  const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'));
  const isLast = /\r\nconnection: *close/i.test(head);
  const bodyAt = headEnd + 4;
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const end = received.indexOf(LAST_CHUNK, headEnd);
    return end < 0 ? null : { path, body: received.slice(bodyAt, end), length: end + LAST_CHUNK.length, isLast };
  }
  const length = bodyAt + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  return received.length < length ? null : { path, body: received.slice(bodyAt, length), length, isLast };
}

function serve(socket: Socket): void {
  let received = '';
  socket.setNoDelay();
  // A character a byte, as lengths are of bytes.
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    received = received === '' ? text : received + text;
    for (let request = readRequest(received); request !== null; request = readRequest(received)) {
      received = received.slice(request.length);
      answer(socket, request.path, request.body);
      if (request.isLast) socket.end();
    }
  });
}

function answer(socket: Socket, path: string, body: string): void {
  const answers = ANSWERS[path];
  if (!answers) return void socket.write(MODELS);
  if (!/"stream": ?true/.test(body)) return void socket.write(answers.whole);
  const tokens = Number(/"max_tokens": ?(\d+)/.exec(body)?.[1] ?? 0);
  if (tokens <= AT_ONCE_TOKENS) return void socket.write(answers.stream);
  pace(socket, answers, tokens);
}

/** A token every so often, and the end with the last one. */
function pace(socket: Socket, { token, end }: Answers, tokens: number): void {
  socket.write(OPEN);
  let left = tokens;
  const stop = () => clearInterval(timer);
  const timer = setInterval(() => {
    if (--left > 0) return void socket.write(token);
    stop();
    socket.off('close', stop);
    socket.write(end);
  }, TOKEN_EVERY_MS);
  socket.on('close', stop);
}

createServer(serve).listen(Number(process.argv[2]), '127.0.0.1');
