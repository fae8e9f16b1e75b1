/** `/v1/responses` over a WebSocket, as Open Responses has it: one response after another on one connection. */
import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { Ambient } from '../../../../ambient/ambient.js';
import { AppError } from '../../../../errors/app-error.js';
import { errorResponses } from '../../../../errors/responses.js';
import { tenantLimit } from '../../../../queues/shared-queue.js';
import type { App, Services } from '../../../app.js';
import { acceptWebSockets } from '../../../plugins/upgrades.js';
import { RoutingHeaders } from '../routing.js';
import { type Connection, runTurn, toEnvelope } from './run-turn.js';
import { TurnMemory } from './turn-memory.js';

const PATH = '/v1/responses';
/** Of the connection, or of the one request that opened it. */
const OF_HANDSHAKE = /^(connection|upgrade|sec-websocket-.*|content-.*|transfer-encoding|expect|x-request-id)$/;
/** RFC 6455, section 7.4.1. */
const CLOSE = { normal: 1000, goingAway: 1001, noText: 1003 } as const;
/** What clients get to read the end of their turns when the server stops. */
const FAREWELL_MS = 1000;

/** A handshake under way: the route below fills it in. */
interface Handshake {
  tenant: string | null;
}

export function addResponseSocket(app: App, { config, metrics }: Pick<Services, 'config' | 'metrics'>): void {
  const { maxBodyBytes, maxBodyParts, maxWebSockets, webSocketLifetimeMs, keepAlivePingMs } = config.server;
  const handshakes = new Ambient<Handshake>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxBodyBytes });
  /** By tenant. */
  const open = new Map<string, number>();
  const turns = new Map<WebSocket, Promise<void>>();
  metrics.beforeScrape(() => metrics.set('websockets_open', {}, turns.size));

  app.get(
    PATH,
    {
      config: { scope: 'inference' },
      schema: {
        summary:
          'Open a WebSocket, on which each message `response.create` is answered with the events of its response',
        operationId: 'openResponseSocket',
        tags: ['responses'],
        headers: RoutingHeaders,
        response: { 101: { description: 'The WebSocket is open.', type: 'null' }, ...errorResponses },
      },
    },
    async ({ principal: { tenant } }, reply) => {
      const handshake = handshakes.get();
      if (handshake === undefined) throw new AppError('upgrade_required');
      const [limit, own] = [tenantLimit(maxWebSockets), open.get(tenant) ?? 0];
      if (own >= limit) throw new AppError('too_many_concurrent', { limit, retryAfterS: 1 });
      if (turns.size >= maxWebSockets)
        throw new AppError('too_many_concurrent', { limit: maxWebSockets, retryAfterS: 1 });
      handshake.tenant = tenant;
      return reply.code(101).send(null);
    },
  );

  acceptWebSockets(app.server, PATH, (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    void shake(request, socket, head).catch((error: unknown) => {
      app.log.error({ err: error }, 'a WebSocket could not be opened');
      socket.destroy();
    });
  });

  async function shake(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { headers, url = PATH } = request;
    const handshake: Handshake = { tenant: null };
    const response = await handshakes.run(handshake, () => app.inject({ url, headers: forTurns(headers) }));
    const { tenant } = handshake;
    if (tenant === null) refuse(socket, response);
    else sockets.handleUpgrade(request, socket, head, (opened) => serve(opened, tenant, forTurns(headers)));
  }

  function serve(socket: WebSocket, tenant: string, headers: IncomingHttpHeaders): void {
    const gone = new AbortController();
    const send = (data: string) => new Promise<void>((resolve) => socket.send(data, () => resolve()));
    const connection: Connection = { headers, memory: new TurnMemory(), signal: gone.signal, send };
    let waiting = 0;
    let isAlive = true;
    const behind = (next: () => Promise<void>) => {
      const turn = turns
        .get(socket)!
        .then(next)
        .catch((error: unknown) => {
          app.log.error({ err: error }, 'a turn failed');
          socket.terminate();
        });
      if (!gone.signal.aborted) turns.set(socket, turn);
    };
    open.set(tenant, (open.get(tenant) ?? 0) + 1);
    turns.set(socket, Promise.resolve());

    socket.on('message', (data, isBinary) => {
      isAlive = true;
      if (isBinary) return socket.close(CLOSE.noText, 'Send JSON as text.');
      // One may wait behind the one under way; what follows stays with the client.
      if (++waiting > 1) socket.pause();
      behind(async () => {
        const text = data.toString();
        const waitMs = app.bodyPace.take(tenant, text.length);
        if (waitMs > 0) await sleep(waitMs);
        if (!gone.signal.aborted) await runTurn(app, connection, text, maxBodyParts);
        if (--waiting <= 1 && socket.isPaused) socket.resume();
      });
    });
    socket.on('pong', () => {
      isAlive = true;
    });
    // It is closed behind that.
    socket.on('error', () => {});
    const pings = setInterval(() => {
      if (!isAlive && !socket.isPaused) return socket.terminate();
      isAlive = false;
      socket.ping();
    }, keepAlivePingMs);
    const lifetime = setTimeout(() => {
      behind(async () => {
        await send(toEnvelope(new AppError('websocket_connection_limit_reached', { limitMs: webSocketLifetimeMs })));
        socket.close(CLOSE.normal);
      });
    }, webSocketLifetimeMs);
    socket.once('close', () => {
      gone.abort();
      clearInterval(pings);
      clearTimeout(lifetime);
      turns.delete(socket);
      const left = open.get(tenant)! - 1;
      if (left === 0) open.delete(tenant);
      else open.set(tenant, left);
    });
  }

  // Behind the lifecycle's: no turn is under way any more, but its last events may be.
  app.addHook('preClose', async () => {
    const closing = [...turns].map(async ([socket, turn]) => {
      await turn;
      socket.close(CLOSE.goingAway);
      await new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.race([
      Promise.all(closing),
      sleep(closing.length === 0 ? 0 : FAREWELL_MS, undefined, { ref: false }),
    ]);
    for (const socket of turns.keys()) socket.terminate();
  });
}

/** What says who asks, and for whom. */
function forTurns(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_HANDSHAKE.test(name)));
}

/** As the route answered, on the bare connection. */
function refuse(socket: Duplex, { statusCode, headers, body }: { statusCode: number; headers: object; body: string }) {
  const said = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`, ...said, '', body].join('\r\n'));
}
