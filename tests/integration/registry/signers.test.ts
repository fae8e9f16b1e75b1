import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import t, { type Test } from 'tap';
import { openTestRegistry } from './open.js';

const ED25519 = generateKeyPairSync('ed25519');
/** The clock of the test's registry stands near the epoch. */
const NOW_S = 1;

const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

function sign(
  claims: JWTPayload,
  { key = ED25519.privateKey as KeyObject | Uint8Array, alg = 'EdDSA', kid = 'intranet' } = {},
) {
  return new SignJWT({ aud: 'bank', exp: NOW_S + 600, groups: ['hr', 'it'], ...claims })
    .setProtectedHeader({ alg, ...(kid && { kid }) })
    .sign(key);
}

async function setUp(t: Test) {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  for (const id of ['bank', 'shop']) await registry.createTenant({ id, name: id });
  await registry.addSigner({ tenant: 'bank', name: 'intranet', publicKey: pem(ED25519.publicKey) });
  return registry;
}

t.test("a signer's token tells the groups of its tenant's callers", async (t) => {
  const registry = await setUp(t);
  t.same(await registry.readGroupsToken('bank', await sign({})), ['hr', 'it']);
  t.same(await registry.readGroupsToken('bank', await sign({ aud: ['x', 'bank'], groups: [], sub: 'ann' })), []);
  t.match(await registry.listSigners('bank'), [{ tenant: 'bank', name: 'intranet', algorithm: 'EdDSA' }]);
  t.same(await registry.listSigners('shop'), []);
  for (const [name, pair, alg] of [
    ['p256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256'],
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'RS256'],
  ] as const) {
    t.match(await registry.addSigner({ tenant: 'bank', name, publicKey: pem(pair.publicKey) }), { algorithm: alg });
    const token = await sign({}, { key: pair.privateKey, alg, kid: name });
    t.same(await registry.readGroupsToken('bank', token), ['hr', 'it'], alg);
  }
});

t.test('a token that is not exactly right is refused, with the reason', async (t) => {
  const registry = await setUp(t);
  const other = generateKeyPairSync('ed25519');
  const [header, payload, signature] = (await sign({})).split('.');
  const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'intranet' })).toString('base64url');
  const cases: [token: string, reason: RegExp][] = [
    [await sign({ exp: NOW_S - 60 }), /it has expired/],
    [await sign({ exp: NOW_S + 4000 }), /more than 3600 s/],
    [await sign({ exp: undefined }), /claim exp is missing/],
    [await sign({ nbf: NOW_S + 60 }), /claim nbf/],
    [await sign({ aud: 'shop' }), /claim aud/],
    [await sign({ aud: undefined }), /claim aud/],
    [await sign({ groups: undefined }), /claim groups is missing/],
    [await sign({ groups: 'hr' }), /no list of names/],
    [await sign({ groups: ['hr', 7] }), /no list of names/],
    [await sign({ groups: ['hr,board'] }), /no comma/],
    [await sign({ groups: Array.from({ length: 257 }, (_, n) => `${n}`) }), /at most 256/],
    [await sign({}, { kid: 'nobody' }), /no signer of this tenant/],
    [await sign({}, { kid: '' }), /no signer of this tenant/],
    [await sign({}, { key: other.privateKey }), /signature is wrong/],
    // The public key is no secret: whoever has it must not be able to sign with it.
    [await sign({}, { key: Buffer.from(pem(ED25519.publicKey)), alg: 'HS256' }), /signs with EdDSA/],
    [`${none}.${payload}.`, /refused/],
    [`${header}.${payload}.${signature!.slice(0, -4)}AAAA`, /signature is wrong/],
    [`${header}.${payload}`, /no signed JSON Web Token/],
    ['', /no signed JSON Web Token/],
  ];
  for (const [token, message] of cases) {
    await t.rejects(
      registry.readGroupsToken('bank', token),
      { code: 'invalid_groups_token', message },
      String(message),
    );
  }
  await t.rejects(registry.readGroupsToken('shop', await sign({ aud: 'shop' })), { code: 'invalid_groups_token' });
});

t.test('a signer that was removed signs no more, and one is what it was added as', async (t) => {
  const registry = await setUp(t);
  const own = { tenant: 'bank', name: 'intranet', publicKey: pem(generateKeyPairSync('ed25519').publicKey) };
  await t.rejects(registry.addSigner(own), { code: 'already_exists' });
  t.match(await registry.removeSigner('bank', 'intranet'), { name: 'intranet' });
  await t.rejects(registry.removeSigner('bank', 'intranet'), { code: 'not_found' });
  await t.rejects(registry.readGroupsToken('bank', await sign({})), { code: 'invalid_groups_token' });
  const secret = ED25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  for (const publicKey of [
    'nothing',
    secret,
    pem(generateKeyPairSync('ed448').publicKey),
    pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
    pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
  ]) {
    await t.rejects(registry.addSigner({ ...own, publicKey }), {
      code: 'invalid_value',
      params: { param: 'publicKey' },
    });
  }
  await t.rejects(registry.addSigner({ ...own, name: 'Not so' }), { code: 'invalid_value', params: { param: 'name' } });
  await t.rejects(registry.addSigner({ ...own, tenant: 'nobody' }), { code: 'not_found' });
});
