/**
 * One caller on a connection of its own, which asks the same thing again and again. Bytes over a socket and nothing else: what the load
 * generator takes of the processor is not there for whoever is measured.
 */
import { connect, type Socket } from 'node:net';

export interface Caller {
  /** The status and the body, whole. One question at a time. @throws Error where the connection ends before the answer does */
  ask(): Promise<{ readonly status: number; readonly body: Buffer }>;
  close(): void;
}

const END_OF_HEAD = '\r\n\r\n';
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
/** Behind `HTTP/1.1 `. */
const STATUS_AT = 9;

export async function openCaller(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Caller> {
  const { host, hostname, port } = new URL(url);
  const lines = Object.entries({ host, ...headers, 'content-length': String(Buffer.byteLength(body)) });
  const head = [`POST ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n');
  const question = Buffer.from(`${head}${END_OF_HEAD}${body}`);
  const socket = connect(Number(port), hostname).setNoDelay();
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return callerOn(socket, question);
}

function callerOn(socket: Socket, question: Buffer): Caller {
  let received: Buffer | null = null;
  let waiting: { resolve(answer: { status: number; body: Buffer }): void; reject(error: Error): void } | null = null;
  socket.on('data', (bytes) => {
    received = received === null ? bytes : Buffer.concat([received, bytes]);
    const body = wholeBody(received);
    if (body === null) return;
    const answer = { status: Number(received.toString('latin1', STATUS_AT, STATUS_AT + 3)), body };
    received = null;
    waiting?.resolve(answer);
  });
  const fail = (error?: Error) => waiting?.reject(error ?? new Error('the connection was closed before the answer'));
  socket.on('error', fail);
  socket.on('close', () => fail());
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        if (socket.destroyed) fail();
        else socket.write(question);
      }),
    close() {
      waiting = null;
      socket.destroy();
    },
  };
}

/** null: some of it is to come. */
export function wholeBody(received: Buffer): Buffer | null {
  const headEnd = received.indexOf(END_OF_HEAD);
  if (headEnd < 0) return null;
  const bodyAt = headEnd + END_OF_HEAD.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.toString('latin1', 0, headEnd));
  if (length !== null) {
    const end = bodyAt + Number(length[1]);
    return received.length < end ? null : received.subarray(bodyAt, end);
  }
  // In chunks. JSON and its errors hold no line ends, so that this is the last one.
  return received.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) ? received.subarray(bodyAt) : null;
}
