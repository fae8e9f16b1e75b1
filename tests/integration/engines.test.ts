/** The embedded engine with a real model, beside a pool that says what a real vLLM said of the same model; by the guide's commands. */
import t from 'tap';
import { keyOf, startGateway } from '../fixtures/gateway/gateway.js';
import { playRecording, readRecording } from '../fixtures/upstream/recording.js';
import { commandsOf, shell } from './tour.js';

interface Answer {
  readonly choices: readonly { readonly text: string; readonly logprobs: { readonly tokens: readonly string[] } }[];
  readonly receipt: { readonly adapter_digest: string };
}

t.test('one gateway answers by the embedded engine and by vLLM, with one adapter', async (t) => {
  const [start, use] = commandsOf('docs/guides/upstreams.md', '## Beside the embedded engine') as [string, string];
  const { head, exchanges } = readRecording('vllm');
  const digests: string[] = [];
  const server = await playRecording(t, exchanges, digests, 0);
  const [, pools] = /SWITCHYARD_ENGINES_POOLS='(.*)' npm start/.exec(start)!;
  const settings = { SWITCHYARD_ENGINES_POOLS: pools!.replace('http://10.0.0.9:8000', server.url) };
  const { address } = await startGateway(t, settings, ['inference', 'route', 'admin', 'release', 'metrics']);
  const headers = { authorization: `Bearer ${keyOf('bank')}`, 'content-type': 'application/json' };
  const get = async (path: string) => (await fetch(`${address}${path}`, { headers })).json();
  const ask = async (model: string, more: object = {}) => {
    const body = {
      model,
      prompt: 'The branch opens at',
      max_tokens: 16,
      temperature: 0,
      include_receipt: true,
      ...more,
    };
    const answer = await fetch(`${address}/v1/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Answer };
  };
  const versions = (await get('/admin/tenants/bank/adapters')) as { data: { version: number; digest: string }[] };
  digests.push(versions.data.find(({ version }) => version === 1)!.digest);

  const names = [
    ['sk-demo-northwind-bank', keyOf('bank')],
    ['northwind-bank@1', 'support@1'],
    ['northwind-bank', 'bank'],
  ] as const;
  const here = names.reduce((text, [written, meant]) => text.replaceAll(written, meant), use);
  const output = await shell(here, { url: address }, { env: { SWITCHYARD_KEY: keyOf('bank') } });
  const { text } = head.outcomes.one as { text: string };
  const afar = JSON.parse(output.slice(output.indexOf('{'))) as Answer;
  t.match(afar, { choices: [{ text }], receipt: { engine: 'gpu', adapter: 'support@1', outcome: 'completed' } });

  const near = (await ask('assistant')).body;
  t.match(near, { receipt: { engine: 'embedded', adapter: 'support@1', outcome: 'completed' } });
  t.equal(near.receipt.adapter_digest, afar.receipt.adapter_digest);
  t.not(near.choices[0]!.text, text, 'the adapter of the recording was another one');
  t.match(await ask('remote', { logprobs: 1 }), { status: 400, body: { error: { code: 'unsupported_parameter' } } });
  t.equal((await ask('assistant', { logprobs: 1 })).body.choices[0]!.logprobs.tokens.length, 16);
  t.match(await get('/admin/replicas'), { data: [{ engine: 'gpu', url: server.url, state: 'up' }] });
  const engines = { embedded: { ready: true }, gpu: { ready: true } };
  t.match(await get('/readyz'), { status: 'ready', checks: { engine: { engines } } });
  const others = server.unknown.filter((request) => request !== 'GET /metrics ');
  t.same(others, [], 'beside what was recorded it is asked for its load alone');
});
