import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createTracing } from '../../src/tracing/tracing.js';
import { bearer, createTestServer, METRICS_KEY, passage } from './fakes.js';

interface Sent {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

/** A collector that takes OTLP over HTTP, and a gateway that sends to it. */
async function traced(t: Test, { sampleShare = 1 } = {}) {
  const bodies: string[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  t.teardown(() => collector.close());
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  const failures: unknown[] = [];
  const onFailed = (error: unknown) => failures.push(error);
  const tracing = createTracing({ endpoint, sampleShare, version: '1.2.3', onFailed });
  const lines: string[] = [];
  const server = await createTestServer({ tracing, onLogLine: (line) => lines.push(line) });
  t.teardown(() => server.app.close());
  const ask = (payload: object, headers = {}) =>
    server.app.inject({ method: 'POST', url: '/v1/chat/completions', headers: { ...bearer(), ...headers }, payload });
  /** All spans, once the gateway has ended. */
  async function spans() {
    await server.app.close();
    await tracing.close();
    t.same(failures, []);
    const requests = bodies.map((body) => JSON.parse(body));
    return requests.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap((resource: { scopeSpans: { spans: Sent[] }[] }) =>
        resource.scopeSpans.flatMap(({ spans }) => spans),
      ),
    ) as Sent[];
  }
  return { ...server, ask, spans, bodies, lines };
}

const TRACE = 'a'.repeat(32);
const CALLER = 'b'.repeat(16);
const messages = [{ role: 'user', content: 'PROMPT-SECRET' }];
/** What Prometheus asks with. */
const OPEN_METRICS = { accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3' };
const attributesOf = ({ attributes }: Sent) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

t.test(
  'a request is a span below the one that its client names, with its answer, search and engine below it',
  async (t) => {
    const { engine, retrieval, ask, spans, bodies, lines } = await traced(t);
    retrieval.passages.set('bank', [passage('p', 'PASSAGE-SECRET', 0.9)]);
    engine.answer(['ANSWER-', 'SECRET']);
    const traceparent = `00-${TRACE}-${CALLER}-01`;
    const { headers } = await ask({ model: 'assistant', messages }, { traceparent });
    await ask({ model: 'assistant', messages, stream: true }, { traceparent: `00-${TRACE}-${CALLER}-00` });
    const sent = await spans();

    const names = ['engine queue', 'engine prefill', 'engine decode'];
    t.same(
      sent.map(({ name }) => name).sort(),
      ['POST /v1/chat/completions', 'chat assistant', 'engine', ...names, 'retrieval'].sort(),
      'what the client does not sample is not traced',
    );
    const span = (name: string) => sent.find((one) => one.name === name)!;
    const request = span('POST /v1/chat/completions');
    const answer = span('chat assistant');
    t.match(request, { traceId: TRACE, parentSpanId: CALLER, kind: 2 });
    t.equal(answer.parentSpanId, request.spanId);
    t.equal(span('retrieval').parentSpanId, answer.spanId);
    t.equal(span('engine').parentSpanId, answer.spanId);
    for (const name of names) t.equal(span(name).parentSpanId, span('engine').spanId, name);
    t.ok(sent.every(({ traceId }) => traceId === TRACE));
    const ns = (name: string, which: 'startTimeUnixNano' | 'endTimeUnixNano') => BigInt(span(name)[which]);
    t.equal(ns('engine queue', 'endTimeUnixNano'), ns('engine prefill', 'startTimeUnixNano'));
    t.equal(ns('engine decode', 'endTimeUnixNano') - ns('engine decode', 'startTimeUnixNano'), 3_000_000n);

    t.match(attributesOf(request), {
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
    });
    t.match(attributesOf(answer), {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'assistant',
      'gen_ai.response.model': 'support@1',
      'gen_ai.usage.input_tokens': 7,
      'gen_ai.usage.output_tokens': 2,
      'switchyard.tenant': 'bank',
      'switchyard.arm': 'stable',
      'switchyard.outcome': 'completed',
    });
    t.match(bodies.join(''), '"service.version"');
    t.notMatch(bodies.join(''), 'SECRET', 'no prompt, passage or answer');
    const line = lines.map((text) => JSON.parse(text)).find(({ reqId }) => reqId === headers['x-request-id']);
    t.equal(line.traceId, TRACE, 'the log leads to the trace');
  },
);

t.test('an answer that fails is an error in its trace, with its code', async (t) => {
  const { retrieval, ask, spans } = await traced(t);
  retrieval.ready = false;
  t.equal((await ask({ model: 'assistant', messages })).statusCode, 503);
  const sent = await spans();
  t.same(sent.map(({ name }) => name).sort(), ['POST /v1/chat/completions', 'chat assistant']);
  for (const one of sent) t.equal(one.status.code, 2, one.name);
  const answer = sent.find(({ name }) => name === 'chat assistant')!;
  t.equal(attributesOf(answer)['error.type'], 'retrieval_unavailable');
});

t.test('of requests without a trace the share is traced that is configured', async (t) => {
  const { ask, spans } = await traced(t, { sampleShare: 0 });
  t.equal((await ask({ model: 'assistant', messages })).statusCode, 200);
  t.same(await spans(), []);
});

t.test('a collector that does not answer loses spans, and nothing else', async (t) => {
  const failures: unknown[] = [];
  const onFailed = (error: unknown) => failures.push(error);
  const tracing = createTracing({ endpoint: 'http://127.0.0.1:9/v1/traces', sampleShare: 1, version: '1', onFailed });
  const { app } = await createTestServer({ tracing });
  const headers = bearer();
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    headers,
    payload: { model: 'assistant', messages },
  });
  t.equal(answer.statusCode, 200);
  await app.close();
  await tracing.close();
  t.ok(failures.length > 0);
});

t.test('buckets of what was traced name the newest trace, for who asks in OpenMetrics', async (t) => {
  const { app, engine, ask } = await traced(t);
  engine.answer(['An answer.']);
  await ask({ model: 'assistant', messages }, { traceparent: `00-${TRACE}-${CALLER}-01` });
  await ask({ model: 'assistant', messages }, { traceparent: `00-${'c'.repeat(32)}-${CALLER}-00` });
  const look = async (headers = {}) => app.inject({ url: '/metrics', headers: { ...bearer(METRICS_KEY), ...headers } });
  const plain = await look();
  t.match(plain.headers['content-type'], /^text\/plain/);
  t.notMatch(plain.body, TRACE);
  const { body, headers } = await look(OPEN_METRICS);
  t.match(headers['content-type'], /^application\/openmetrics-text; version=1\.0\.0/);
  for (const name of ['request_duration_seconds', 'time_to_first_token_seconds']) {
    const marked = body.split('\n').filter((line) => line.includes(' # {'));
    const own = marked.filter((line) => line.startsWith(`switchyard_${name}_bucket{`));
    t.equal(own.length, 1, 'what the client does not sample is no exemplar');
    t.match(own[0], new RegExp(`tenant="bank".*\\} \\d # \\{trace_id="${TRACE}"\\} [0-9.e-]+ [0-9.]+$`));
  }
  t.match(body, /^# TYPE switchyard_requests counter$/m, 'a family is called without what its samples end with');
  t.match(body, /^switchyard_requests_total\{/m);
  t.notMatch(body, /\n\n/);
  t.match(body, /\n# EOF\n$/);
});
