import type { FastifyReply } from 'fastify';
import { probeHalfClosed } from './plugins/half-closed.js';

/** Server-sent events on one reply. Nothing is sent, and errors still get their own status, until it is open. */
export interface SseWriter {
  opened(): boolean;
  /** From now on silence is filled with comments; the first of them opens the stream. */
  startPings(): void;
  /** Opens the stream and writes one event; resolves when the client has room for the next. */
  send(data: object | '[DONE]', event?: string): Promise<void>;
  stopPings(): void;
  end(): void;
}

export function createSseWriter(reply: FastifyReply, pingMs: number): SseWriter {
  const { raw } = reply;
  let opened = false;
  let pings: NodeJS.Timeout | null = null;
  let stopProbes = () => {};

  return {
    opened: () => opened,
    startPings() {
      pings = setInterval(ping, pingMs);
    },
    async send(data, event) {
      pings?.refresh();
      const name = event === undefined ? '' : `event: ${event}\n`;
      const frame = `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
      if (!write(frame)) await roomOrClose();
    },
    stopPings() {
      if (pings !== null) clearInterval(pings);
      stopProbes();
    },
    end() {
      if (opened) raw.end();
      else reply.hijack();
    },
  };

  function ping(): void {
    // A client that does not even read needs no sign of life, and comments would pile up in memory.
    if (!raw.writableNeedDrain) write(': ping\n\n');
  }

  /** False where the client has to catch up first. */
  function write(text: string): boolean {
    if (raw.destroyed) return true;
    if (!opened) open();
    return raw.write(text);
  }

  function open(): void {
    opened = true;
    reply.hijack();
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // Proxies of nginx's kind would otherwise hold tokens back.
      'x-accel-buffering': 'no',
    });
    stopProbes = probeHalfClosed(reply, ping);
  }

  function roomOrClose(): Promise<void> {
    if (raw.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        raw.off('drain', done);
        raw.off('close', done);
        resolve();
      };
      raw.on('drain', done);
      raw.on('close', done);
    });
  }
}
