import type { ApiKeyInfo, Scope } from '../../contracts/registry.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { h } from '../dom.js';
import { hashOf } from '../router.js';
import type { HeldKey } from '../session.js';
import { ask } from './dialog.js';
import { button, empty, link, page, section } from './layout.js';

const SCOPES: readonly Scope[] = ['inference', 'documents', 'route'];

/** The tenant's key that a page works with; otherwise what stands in the page's place, with two ways to one. */
export function keyFor(context: Context, title: string, scope: Scope): HeldKey | HTMLElement {
  const tenant = tenantOf(context);
  const key = tenant === null ? null : context.session.find(scope, tenant);
  if (key !== null) return key;
  const make = () =>
    ask({
      title: `Create a key of ${tenant}?`,
      text: `A new key with the scopes ${SCOPES.join(', ')} is made and held by this tab. It stays valid until it is revoked on the page of the tenant.`,
      action: 'Create the key',
      async submit() {
        const body = { label: 'console', scopes: SCOPES };
        const made = await context.admin.send<ApiKeyInfo & { secret: string }>(
          'POST',
          path`/admin/tenants/${tenant}/keys`,
          body,
        );
        context.session.add({ secret: made.secret, id: made.id, tenant, scopes: made.scopes });
        context.reload();
      },
    });
  const canMake = context.session.find('admin') !== null;
  return page(
    title,
    {},
    section(
      'A key is needed',
      {},
      empty(
        `No key of ${tenant} with the scope ${scope} is held.`,
        'This page asks as a client of the tenant does, so that it shows what a client would see.',
      ),
      h(
        'div',
        { class: 'actions' },
        canMake && button('Create a key for this tab', () => void make(), 'main'),
        link(hashOf('session'), 'Add one that you have'),
      ),
    ),
  );
}
