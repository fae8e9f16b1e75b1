import t from 'tap';
import { createApi, path } from '../../../src/console/api.js';

const BASE = 'https://gateway.example/prefix/';

/** What was asked, and what is answered in turn. */
function answering(...answers: readonly Response[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetchIt = async (url: unknown, init: RequestInit = {}) => {
    asked.push({ url: String(url), init });
    return answers[asked.length - 1]!;
  };
  return { asked, api: createApi(BASE, 'sk-mine', fetchIt as typeof fetch) };
}

const collect = async (events: AsyncIterable<object>) => {
  const all: object[] = [];
  for await (const event of events) all.push(event);
  return all;
};

t.test('paths are of the gateway, below its prefix, and carry the key', async (t) => {
  const { asked, api } = answering(Response.json({ id: 'x' }), Response.json({ ok: true }));
  await api.get('/v1/key');
  await api.send('POST', path`/admin/tenants/${'a/b'}/keys`, { label: 'l' }, { 'x-reason': 'why' });
  t.same(
    asked.map(({ url }) => url),
    [`${BASE}v1/key`, `${BASE}admin/tenants/a%2Fb/keys`],
  );
  for (const { init } of asked) t.equal(new Headers(init.headers).get('authorization'), 'Bearer sk-mine');
  const headers = new Headers(asked[1]!.init.headers);
  t.same([headers.get('x-reason'), headers.get('content-type')], ['why', 'application/json']);
});

t.test('a list is read page by page', async (t) => {
  const { asked, api } = answering(
    Response.json({ data: [1, 2], has_more: true, last_id: 'b' }),
    Response.json({ data: [3], has_more: false, last_id: 'c' }),
  );
  t.same(await api.list('/v1/files?limit=2'), [1, 2, 3]);
  t.match(asked[1]!.url, /files\?limit=2&after=b$/);
});

t.test('so is one of the admin API, which names the next page', async (t) => {
  const { asked, api } = answering(
    Response.json({ data: [1, 2], next: '1' }),
    Response.json({ data: [3], next: null }),
  );
  t.same(await api.list('/admin/tenants/bank/evaluation-runs/eval_1/answers?limit=2'), [1, 2, 3]);
  t.match(asked[1]!.url, /answers\?limit=2&after=1$/);
});

t.test('what the gateway refuses keeps its status, code and message', async (t) => {
  const { api } = answering(
    Response.json({ error: { code: 'scope_missing', message: 'It needs admin.' } }, { status: 403 }),
    new Response('<h1>Bad gateway</h1>', { status: 502 }),
  );
  await t.rejects(api.get('/admin/tenants'), { status: 403, code: 'scope_missing', message: 'It needs admin.' });
  await t.rejects(api.get('/admin/tenants'), { status: 502, message: /answered 502/ });
  const unreachable = createApi(BASE, null, async () => Promise.reject(new TypeError('fetch failed')));
  await t.rejects(unreachable.get('/v1/key'), { status: null, code: 'unreachable' });
});

t.test('a stream gives its events, and an error within it is thrown', async (t) => {
  const frames = (...texts: string[]) => new Response(texts.join(''));
  const { api } = answering(
    frames(': ping\n\n', 'data: {"a":1}\n\nda', 'ta: {"a":2}\n\n', 'data: [DONE]\n\n', 'data: {"a":3}\n\n'),
    frames('data: {"a":1}\n\n', 'data: {"error":{"code":"draining","message":"Ask again."}}\n\n'),
  );
  const options = { signal: new AbortController().signal, headers: {} };
  t.same(await collect(api.stream('/v1/chat/completions', {}, options)), [{ a: 1 }, { a: 2 }]);
  await t.rejects(collect(api.stream('/v1/chat/completions', {}, options)), { code: 'draining' });
});
