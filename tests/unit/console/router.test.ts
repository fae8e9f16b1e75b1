import t from 'tap';
import { hashOf, readPlace } from '../../../src/console/router.js';

t.test('an address leads to a page, a tenant and an item, and back', async (t) => {
  t.same(readPlace('#/deployments/bank/assistant'), { page: 'deployments', tenant: 'bank', item: 'assistant' });
  t.same(readPlace('#/tenants'), { page: 'tenants', tenant: null, item: null });
  t.same(readPlace('#/nothing/bank'), { page: 'overview', tenant: null, item: null });
  t.same(readPlace(''), { page: 'overview', tenant: null, item: null });
  t.same(readPlace(hashOf('documents', 'a/b', '%')), { page: 'documents', tenant: 'a/b', item: '%' });
});
