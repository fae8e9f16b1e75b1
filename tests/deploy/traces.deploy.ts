/** A real collector of OpenTelemetry, made of its own modules, takes what a real gateway sends. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { registerTenant } from '../../bench/gateway/tenant.js';
import { freePort } from '../../bench/peers/processes.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../integration/gateway-process.js';
import { GO_BIN, installGo, run, start, until } from './tools.js';

const COLLECTOR = 'v0.155.0';
const QUESTION = 'What is a collector of clockwork owls?';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

/** With a receiver of OTLP, and an exporter that writes down all that it is given. @returns the program */
function buildCollector(folder: string): string {
  const program = join(GO_BIN, 'otel-collector/collector');
  if (existsSync(program)) return program;
  const builder = installGo('builder', `go.opentelemetry.io/collector/cmd/builder@${COLLECTOR}`);
  const module = (path: string) => ({ gomod: `go.opentelemetry.io/collector/${path} ${COLLECTOR}` });
  const manifest = join(folder, 'builder.yaml');
  // Any JSON is YAML.
  const parts = {
    dist: { name: 'collector', output_path: join(GO_BIN, 'otel-collector') },
    receivers: [module('receiver/otlpreceiver')],
    exporters: [module('exporter/debugexporter')],
  };
  writeFileSync(manifest, JSON.stringify(parts));
  run(builder, [`--config=${manifest}`], { env: { ...process.env, GOFLAGS: '-p=1' } });
  return program;
}

t.test('a request, its answer and what the engine did are spans of the trace that the client began', async (t) => {
  const folder = t.testdir({});
  const program = buildCollector(folder);
  const endpoint = `127.0.0.1:${await freePort()}`;
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    exporters: { debug: { verbosity: 'detailed' } },
    service: {
      pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } },
      telemetry: { metrics: { level: 'none' } },
    },
  };
  writeFileSync(join(folder, 'collector.yaml'), JSON.stringify(config));
  const collector = start(program, [`--config=${join(folder, 'collector.yaml')}`]);
  t.teardown(() => collector.stop());
  await until('the collector', 60_000, () => (/Everything is ready/.test(collector.output()) ? true : null)).catch(
    (error) => t.bailout(`${error}\n${collector.output()}`),
  );

  const dataDir = temporaryDataDir();
  const settings = {
    SWITCHYARD_DEMO: 'false',
    SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct',
    SWITCHYARD_TRACING_ENDPOINT: `http://${endpoint}/v1/traces`,
  };
  const { key } = await registerTenant(dataDir, settings, {});
  const gateway = await startGateway(dataDir, settings);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      traceparent: `00-${TRACE}-${PARENT}-01`,
    },
    body: JSON.stringify({ model: 'assistant', max_tokens: 8, messages: [{ role: 'user', content: QUESTION }] }),
  });
  const { id } = (await answer.json()) as { id: string };
  t.equal(await gateway.stop(), 0, 'spans are sent before it ends');

  const spans = await until('the spans', 20_000, () => {
    const found = collector.output().split(/^Span #\d+$/m);
    return found.length > 6 ? found.slice(1) : null;
  });
  for (const span of spans) t.match(span, `Trace ID       : ${TRACE}`);
  const named = (name: string) => spans.find((span) => span.includes(`Name           : ${name}\n`)) ?? '';
  const idOf = (name: string) => /^ +ID +: (\w+)$/m.exec(named(name))![1]!;
  const parentOf = (name: string) => /^ +Parent ID +: (\w*)$/m.exec(named(name))![1];
  const [request, chat] = ['POST /v1/chat/completions', 'chat assistant'];
  t.match(named(request), 'Kind           : Server');
  t.equal(parentOf(request), PARENT);
  t.equal(parentOf(chat), idOf(request));
  t.match(named(chat), `gen_ai.response.id: Str(${id})`);
  t.equal(parentOf('engine'), idOf(chat));
  for (const name of ['queue', 'prefill', 'decode']) t.equal(parentOf(`engine ${name}`), idOf('engine'), name);
  t.match(collector.output(), /service\.name: Str\(switchyard\)/);
  t.notMatch(collector.output(), /clockwork owls/, 'no text of anybody');
});
