/** How the gateway is reached, and who sees what it does. */

import { Type } from 'typebox';
import { closed, integer, KiB, MiB, shaped } from './values.js';

export const server = Type.Object(
  {
    host: Type.String({
      description:
        'Address to listen on. HOST counts only where it is an IP address or localhost, since other programs set it too.',
      default: '127.0.0.1',
      minLength: 1,
    }),
    port: integer('TCP port to listen on; 0 picks a free one.', 8080, 0, 65_535),
    maxBodyBytes: integer('Largest JSON body, in bytes.', 1 * MiB, KiB, 64 * MiB),
    maxAdapterBytes: integer(
      'Largest weights of an adapter that is uploaded, in bytes. They go to the disk as they come.',
      512 * MiB,
      KiB,
      64 * 1024 * MiB,
    ),
    maxBodyParts: integer(
      'Objects, lists and names of members in one JSON body. Reading many keeps all streams waiting.',
      20_000,
      100,
      10_000_000,
    ),
    maxBodyBytesInFlight: integer(
      'Bytes of all bodies that come in or are in use; one tenant may have half of them.',
      256 * MiB,
      MiB,
      1024 * 1024 * MiB,
    ),
    bodyBytesPerSecond: integer(
      'Bytes of bodies of one tenant that are read in a second, adapters apart; more of them wait. An object, a list or a name of JSON counts as 256. Reading them takes time in which streams stand still.',
      8 * MiB,
      KiB,
      1024 * 1024 * MiB,
    ),
    bodyTimeoutMs: integer(
      'Silence in the middle of a body after which the request ends, in milliseconds.',
      20_000,
      100,
      600_000,
    ),
    requestTimeoutMs: integer('Longest time one answer may take, in milliseconds.', 120_000, 1000, 3_600_000),
    keepAlivePingMs: integer(
      'Silence on a stream after which a comment is sent, in milliseconds.',
      10_000,
      100,
      300_000,
    ),
    drainTimeoutMs: integer(
      'How long requests in flight may go on after a stop was asked for, in milliseconds.',
      30_000,
      0,
      600_000,
    ),
    hangTimeoutMs: integer(
      'How long the engine or retrieval process may be without an answer before it is ended and started anew, in milliseconds.',
      10_000,
      1000,
      600_000,
    ),
    headersTimeoutMs: integer(
      'Longest time that the headers of a request may take to come, in milliseconds; then the connection is closed.',
      10_000,
      100,
      600_000,
    ),
    maxConnections: integer('Connections open at once; further ones are closed.', 20_000, 1, 1_000_000),
    maxWebSockets: integer(
      'WebSockets open at once; one tenant may have half of them. Each may hold two messages of maxBodyBytes.',
      256,
      1,
      100_000,
    ),
    webSocketLifetimeMs: integer(
      'How long a WebSocket may be open, in milliseconds; it ends behind the response under way.',
      3_600_000,
      100,
      86_400_000,
    ),
    maxLoopDelayMs: integer(
      "Mean delay of the gateway's own thread, over a second, from which on requests are answered with 503, in milliseconds.",
      1000,
      10,
      60_000,
    ),
    requestsPerMinute: integer(
      'Requests a key may send in a minute, where no other limit was set for it.',
      6000,
      1,
      10_000_000,
    ),
    logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      description: 'Least severe log level that is written.',
      default: 'info',
    }),
  },
  { ...closed, default: {} },
);

export const tls = Type.Object(
  {
    certFile: Type.String({
      description: 'Certificate with its chain, in PEM; empty: plain HTTP. Read again when it changes, or at SIGHUP.',
      default: '',
    }),
    keyFile: Type.String({ description: 'Its private key, in PEM.', default: '' }),
    clientCaFile: Type.String({
      description: 'Authorities, in PEM, of which clients need a certificate; empty: clients need none.',
      default: '',
    }),
  },
  { ...closed, default: {} },
);

export const admin = Type.Object(
  {
    host: Type.String({ description: 'Address for /admin and /metrics.', default: '127.0.0.1', minLength: 1 }),
    port: integer(
      'TCP port that /admin and /metrics are served on, and nothing else; 0: they are on server.port.',
      0,
      0,
      65_535,
    ),
  },
  { ...closed, default: {} },
);

export const tracing = Type.Object(
  {
    endpoint: shaped(
      'Where traces are sent, as OTLP over HTTP: http://127.0.0.1:4318/v1/traces; empty: nothing is traced.',
      '^(https?://.+)?$',
      'a URL that begins with http:// or https://, or an empty text',
    ),
    sampleShare: Type.Number({
      description: 'Share of the requests that are traced, of those that come without a trace of their own.',
      default: 1,
      minimum: 0,
      maximum: 1,
    }),
  },
  { ...closed, default: {} },
);

export const metrics = Type.Object(
  {
    maxLabelValues: integer('Distinct values a label may take; further ones become "other".', 200, 1, 100_000),
    localWithoutKey: Type.Boolean({
      description:
        'Let this machine read /metrics without a key, as in demo mode. Not where a proxy runs on it: one that adds no x-forwarded-for looks like the machine itself.',
      default: false,
    }),
  },
  { ...closed, default: {} },
);
