/** Versions over HTTP: what is taken, what is refused, and that nothing is left of what is refused. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { adminApp } from './admin-app.js';

const CONFIG = '{"r": 8}';

async function setUp(t: Test) {
  const { root, registry, app, call } = await adminApp(t, {
    settings: { SWITCHYARD_SERVER_MAX_ADAPTER_BYTES: '1024' },
  });
  const { secret } = await registry.createKey({ tenant: 'bank', label: 'release', scopes: ['release'] });
  async function upload(parts: Record<string, string | Blob>, { key = secret, tenant = 'bank', cut = 0 } = {}) {
    const form = new FormData();
    for (const [name, value] of Object.entries(parts)) form.append(name, value);
    const encoded = new Response(form);
    const payload = Buffer.from(await encoded.arrayBuffer());
    const response = await app.inject({
      method: 'POST',
      url: `/admin/tenants/${tenant}/adapters/support/versions`,
      headers: { authorization: `Bearer ${key}`, 'content-type': encoded.headers.get('content-type')! },
      payload: payload.subarray(0, payload.length - cut),
    });
    return { status: response.statusCode, body: response.json() };
  }
  const uploads = `${root}/.switchyard/uploads`;
  /** What lies there is removed behind the answer. */
  const left = async () => {
    const names = () => (existsSync(uploads) ? readdirSync(uploads) : []);
    for (let waited = 0; waited < 100 && names().length > 0; waited++) await sleep(20);
    return names();
  };
  return { registry, call, upload, left };
}

const files = (weights = 'w') => ({ config: new Blob([CONFIG]), weights: new Blob([weights]) });

t.test('a version is uploaded with its lineage by a release owner, once', async (t) => {
  const { registry, upload, left } = await setUp(t);
  const lineage = JSON.stringify({ description: 'Mine.', parent: null });
  const added = await upload({ ...files(), lineage, version: '4' });
  t.match(added, {
    status: 201,
    body: { name: 'support', version: 4, status: 'candidate', lineage: { description: 'Mine.' } },
  });
  t.notOk('compiledFile' in added.body);
  t.match(await upload(files()), { status: 201, body: { version: 4 } }, 'what is there already');
  t.match(await upload(files('of another')), { status: 422, body: { error: { message: /names another base/ } } });
  t.match(await upload({ ...files('of another'), anyBase: 'true' }), { status: 201, body: { version: 5 } });
  t.equal((await registry.listAdapters('bank')).length, 2);
  t.same(await left(), []);
  t.match(await upload(files('y'), { tenant: 'shop' }), { status: 404 }, "another tenant's");
});

t.test('what is not whole, not known or too much is refused with the field, and nothing is kept', async (t) => {
  const { registry, call, upload, left } = await setUp(t);
  const { weights, config } = files();
  const cases: [Record<string, string | Blob>, number, object][] = [
    [{ config }, 400, { param: 'weights' }],
    [{ weights }, 400, { param: 'config' }],
    [{ ...files(), model: new Blob(['x']) }, 400, { param: 'model', code: 'unsupported_parameter' }],
    [{ ...files(), note: 'x' }, 400, { param: 'note' }],
    [{ ...files(), lineage: '{' }, 400, { param: 'lineage', message: /no JSON/ }],
    [{ ...files(), lineage: '{"parent": "a@1"}' }, 400, { param: 'lineage.parent' }],
    [{ ...files(), lineage: '{"licence": "MIT"}' }, 400, { param: 'lineage.licence' }],
    [{ ...files(), version: 'two' }, 400, { param: 'version' }],
    [{ ...files(), version: '0' }, 400, { param: 'version' }],
    [{ ...files(), anyBase: 'maybe' }, 400, { param: 'anyBase', message: /no JSON/ }],
    [{ ...files(), anyBase: '7' }, 400, { param: 'anyBase' }],
    [{ ...files(), signature: 'AAAA' }, 400, { param: 'signer' }],
    [files('w'.repeat(1025)), 413, { code: 'body_too_large', message: /1024 bytes.*server\.maxAdapterBytes/ }],
    [{ weights, config: 'text' }, 400, { param: 'config' }],
  ];
  for (const [parts, status, error] of cases)
    t.match(await upload(parts), { status, body: { error } }, JSON.stringify(error));
  t.match(await upload(files(), { cut: 10 }), { status: 400, body: { error: { message: /whole multipart form/ } } });
  const json = { config: 'a', weights: 'b' };
  t.match(await call('POST', '/tenants/bank/adapters/support/versions', json), { status: 415 });
  t.same(await registry.listAdapters('bank'), []);
  t.same(await left(), []);
});

t.test('an adapter that the base does not accept is refused without a path of the gateway', async (t) => {
  const { upload, left } = await setUp(t);
  const refused = await upload(files('refused'));
  t.match(refused, {
    status: 422,
    body: { error: { code: 'adapter_invalid', message: /adapter in the upload was refused/ } },
  });
  t.same(await left(), []);
});

/** What `openssl pkeyutl -sign -rawin` makes of what `sha256sum` writes. */
function signed(weights: string, privateKey: KeyObject): string {
  const sum = (text: string) => createHash('sha256').update(text).digest('hex');
  return sign(null, Buffer.from(`${sum(weights)}  adapter_model.safetensors\n`), privateKey).toString('base64');
}

t.test('where a tenant asks for signatures, only what its signers of adapters have signed gets in', async (t) => {
  const { registry, call, upload, left } = await setUp(t);
  await upload(files('before'));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const add = (name: string, purpose: string) =>
    call('POST', '/tenants/bank/signers', { name, publicKey: pem, purpose });
  t.match(await add('trainer', 'adapters'), { status: 201, body: { purpose: 'adapters' } });
  t.match(await add('intranet', 'groups'), { status: 201 });
  t.match(await call('PUT', '/tenants/bank/adapter-policy', { requireSignatures: true }), { status: 200 });

  const by = (signer: string, weights: string, of = weights) => ({
    ...files(weights),
    signer,
    signature: signed(of, privateKey),
  });
  t.match(await upload(files('a')), { status: 422, body: { error: { code: 'signature_missing' } } });
  const invalid = { status: 422, body: { error: { code: 'signature_invalid' } } };
  t.match(await upload(by('trainer', 'a', 'b')), invalid, 'of other weights');
  t.match(await upload(by('intranet', 'a')), invalid, 'a signer of groups');
  t.match(await upload(by('nobody', 'a')), invalid);
  t.match(await upload({ ...by('trainer', 'a'), signature: 'AAAA' }), invalid);
  t.match(await upload(by('trainer', 'a')), { status: 201, body: { version: 2, signedBy: 'trainer' } });
  t.same(await left(), []);

  const deployment = { instructions: '', retrieval: { enabled: false, topK: 1, minScore: 0, budgetTokens: 1 } };
  const put = (stableVersion: number) =>
    call('PUT', '/tenants/bank/deployments/assistant', { ...deployment, adapter: 'support', stableVersion });
  t.match(await put(1), { status: 422, body: { error: { code: 'signature_missing', message: /^support@1/ } } });
  t.match(await put(2), { status: 200 });
  const { secret } = await registry.createKey({ tenant: 'bank', label: '', scopes: ['release'] });
  const off = await call('PUT', '/tenants/bank/adapter-policy', { requireSignatures: false }, secret);
  t.match(off, { status: 403 }, 'who releases does not switch it off');
  t.match(await call('GET', '/tenants/bank/adapter-policy', undefined, secret), { body: { requireSignatures: true } });
});

t.test('a key of another kind signs no adapters', async (t) => {
  const { call } = await setUp(t);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const refused = await call('POST', '/tenants/bank/signers', { name: 'a', publicKey: pem, purpose: 'adapters' });
  t.match(refused, { status: 400, body: { error: { param: 'publicKey', message: /must be Ed25519/ } } });
});
