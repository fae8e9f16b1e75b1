/**
 * A client that is done sending may close its half of the connection and still wait for the answer (`nc -N`, and
 * `shutdown(SHUT_WR)` in general). To this side it looks like one that went away; only writing tells them apart, because
 * the system of a client that is gone answers any byte with a reset. So while an answer is under way, HTTP's own
 * interim response is written (102, RFC 2518; clients skip it), and in a stream a comment: the reset fails the next
 * write, and that is a hang-up.
 */
import type { Server } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Until the first and the second probe; every later wait is this many times longer. */
const FIRST_PROBE_MS = 2;
const GROWTH = 4;

/** Node would otherwise close a connection as soon as its other half is. */
export function allowHalfClosed(server: Server): void {
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
}

/**
 * Calls `probe`, which writes something harmless, from when the client closed its half of the connection until the
 * answer is over or the returned function is called.
 */
export function probeHalfClosed({ raw, request }: FastifyReply, probe: () => void): () => void {
  const { socket } = raw;
  // What `inject` gives is no connection; and HTTP/1.0 has no interim responses, so such a client is answered in full.
  if (socket === null || request.raw.httpVersion === '1.0') return () => {};
  let timer: NodeJS.Timeout | undefined;
  const probeAndWait = (waitMs: number) => {
    if (raw.destroyed) return;
    probe();
    timer = setTimeout(probeAndWait, waitMs, waitMs * GROWTH);
  };
  const onEnd = () => probeAndWait(FIRST_PROBE_MS);
  const stop = () => {
    clearTimeout(timer);
    socket.off('end', onEnd);
    raw.off('close', stop);
  };
  raw.once('close', stop);
  if (socket.readableEnded) onEnd();
  else socket.once('end', onEnd);
  return stop;
}

/** Until the answer begins. */
export function probeUntilAnswer(reply: FastifyReply): void {
  const stop = probeHalfClosed(reply, () => {
    if (reply.raw.headersSent) stop();
    else reply.raw.writeProcessing();
  });
}
