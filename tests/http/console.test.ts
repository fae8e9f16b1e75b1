import { readdirSync, readFileSync } from 'node:fs';
import { HtmlValidate } from 'html-validate';
import t from 'tap';
import { bearer, createTestServer, KEY_WITHOUT_ROUTE, METRICS_KEY } from './fakes.js';

const FOLDER = 'dist/console';

t.test('the console is served without a key, under a policy that lets nothing in from elsewhere', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const moved = await app.inject('/console');
  t.match(moved, { statusCode: 302, headers: { location: 'console/' } });
  const types = { html: /^text\/html/, js: /javascript/, css: /^text\/css/, svg: /^image\/svg/ };
  for (const name of readdirSync(FOLDER)) {
    const { statusCode, headers } = await app.inject(`/console/${name}`);
    t.equal(statusCode, 200, name);
    t.match(headers['content-type'], types[name.split('.').at(-1) as keyof typeof types], name);
    const policy = String(headers['content-security-policy']);
    t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, name);
    t.notMatch(policy, /unsafe|https?:|\*/, name);
    t.equal(headers['cache-control'], 'public, max-age=0', name);
    t.ok(headers.etag, name);
  }
  const page = await app.inject('/console/');
  t.equal(page.body, readFileSync(`${FOLDER}/index.html`, 'utf8'));
  t.match(await app.inject('/console/nothing'), { statusCode: 404, headers: { 'content-type': /json/ } });
  t.equal((await app.inject('/console/../package.json')).statusCode, 404);
});

t.test(
  'its page is valid HTML without any script or style of its own, and names only files that are there',
  async (t) => {
    const html = readFileSync(`${FOLDER}/index.html`, 'utf8');
    const { valid, results } = await new HtmlValidate({
      extends: ['html-validate:recommended'],
      rules: { 'void-style': 'off', 'doctype-style': 'off' },
    }).validateString(html);
    t.ok(valid, JSON.stringify(results[0]?.messages));
    t.notMatch(html, /<style|style=|<script(?![^>]* src=)| on\w+=/);
    for (const [, file] of html.matchAll(/(?:src|href)="([^"]+)"/g)) t.ok(readdirSync(FOLDER).includes(file!), file);
  },
);

t.test('a key says whose it is and what it may do, whatever it may', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const ask = async (key: string) => (await app.inject({ url: '/v1/key', headers: bearer(key) })).json();
  t.same(await ask(KEY_WITHOUT_ROUTE), {
    object: 'key',
    id: 'key-2',
    tenant: 'bank',
    scopes: ['inference'],
    groups: null,
  });
  t.match(await ask(METRICS_KEY), { id: 'key-7', scopes: ['metrics'] });
  t.match(await ask('sk-nobody'), { error: { code: 'invalid_api_key' } });
});
