import t from 'tap';
import type { ConversationItem, Owner } from '../../../src/contracts/stored-responses.js';
import { openTestRegistry } from './open.js';

const DAY_MS = 24 * 3600 * 1000;
const item = (id: string): ConversationItem => ({ id, type: 'message', role: 'user' });

t.test(
  'items are deleted with their age, sooner where the tenant says so, and when their user is forgotten',
  async (t) => {
    let nowMs = 1_800_000_000_000;
    const registry = await openTestRegistry(t.testdir(), { clock: { now: () => nowMs, monotonicMs: () => nowMs } });
    t.teardown(() => registry.close());
    const [bank, shop] = ['bank', 'shop'].map((tenant) => ({ tenant, audience: '' })) as [Owner, Owner];
    for (const [owner, id] of [
      [bank, 'conv_1'],
      [shop, 'conv_2'],
    ] as const) {
      await registry.createTenant({ id: owner.tenant, name: owner.tenant });
      await registry.createConversation({ ...owner, id, metadata: {}, createdAt: nowMs }, [item('old')]);
    }
    const policy = await registry.getDataPolicy('shop');
    await registry.putDataPolicy('shop', { ...policy, retentionDays: 2 });
    const idsOf = async (owner: Owner, id: string) => (await registry.itemsOf(owner, id)).map((one) => one.id);

    nowMs += 3 * DAY_MS;
    await registry.addItems(bank, { conversation: 'conv_1', items: [item('hers'), item('his')], user: 'ada' });
    await registry.addItems(bank, { conversation: 'conv_1', items: [item('new')], user: 'bob' });
    await registry.expireResponses(30);
    await t.rejects(registry.getConversation(shop, 'conv_2'), { code: 'not_found' }, 'nothing is left of it');
    t.same(await idsOf(bank, 'conv_1'), ['old', 'hers', 'his', 'new']);

    await registry.forgetUser('shop', 'ada');
    t.same(await idsOf(bank, 'conv_1'), ['old', 'hers', 'his', 'new'], 'another tenant’s user of that name');
    await registry.forgetUser('bank', 'ada');
    t.same(await idsOf(bank, 'conv_1'), ['old', 'new']);

    nowMs += 28 * DAY_MS;
    await registry.expireResponses(30);
    t.same(await idsOf(bank, 'conv_1'), ['new'], 'the conversation lives on as long as something is left of it');
  },
);

t.test('a sealed text opens for its owner alone, also after a restart', async (t) => {
  const dir = t.testdir();
  const registry = await openTestRegistry(dir);
  const owner = { tenant: 'bank', audience: 'hr' };
  const sealed = registry.sealText(owner, 'The fee is 5 EUR.');
  await registry.close();
  const again = await openTestRegistry(dir);
  t.teardown(() => again.close());
  t.equal(again.openText(owner, sealed), 'The fee is 5 EUR.');
  t.equal(again.openText({ ...owner, audience: '' }, sealed), null);
  t.equal(again.openText({ ...owner, tenant: 'shop' }, sealed), null);
  t.not(again.sealText(owner, 'The fee is 5 EUR.'), sealed);
});
