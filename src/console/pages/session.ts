import type { Context } from '../context.js';
import { h, valuesOf } from '../dom.js';
import { input } from '../parts/fields.js';
import { badge, button, empty, failure, page, rowButton, section } from '../parts/layout.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';
import type { HeldKey } from '../session.js';
import { brand } from '../shell.js';
import type { KeyInfo } from '../wire.js';

/** What is shown while no key is held. */
export function signIn(context: Context): HTMLElement {
  return h(
    'main',
    { class: 'sign-in' },
    brand(),
    page(
      'Sign in with an API key',
      { lead: 'What you see and may change is what the key may. It stays in this tab, and is gone when you close it.' },
      section(
        'API key',
        {},
        keyForm(context, 'Sign in'),
        h(
          'p',
          { class: 'hint' },
          'A key with the scope ',
          h('code', {}, 'admin'),
          ' shows everything. The sample gateway of ',
          h('code', {}, 'npm start'),
          ' has ',
          h('code', {}, 'sk-demo-admin'),
          '.',
        ),
      ),
    ),
  );
}

export function keysOfTab(context: Context): HTMLElement {
  const { session } = context;
  const forget = (key: HeldKey) => {
    session.remove(key.id);
    context.reload();
  };
  const signOut = () => {
    session.clear();
    context.go(hashOf('overview'));
  };
  return page(
    'Keys of this tab',
    {
      lead: 'They are kept in the memory of this tab, sent to this gateway alone, and gone when you close the tab or sign out.',
      actions: [button('Sign out', signOut)],
    },
    section(
      'Held keys',
      {},
      table<HeldKey>(
        'Keys that this tab holds',
        [
          { title: 'Key', cell: ({ id }) => h('code', {}, id) },
          { title: 'Tenant', cell: ({ tenant }) => tenant },
          { title: 'May', cell: ({ scopes }) => scopes.flatMap((scope) => [badge(scope), ' ']) },
          {
            title: 'Forget',
            isAction: true,
            cell: (key) => rowButton('Forget', `the key of ${key.tenant}`, () => forget(key)),
          },
        ],
        session.keys(),
        empty('No keys.'),
      ),
    ),
    section(
      'Add a key',
      {},
      h(
        'p',
        { class: 'muted' },
        'Playground and documents need a key of their tenant, with the scopes inference and documents.',
      ),
      keyForm(context, 'Add the key'),
    ),
  );
}

/** Asks the gateway whose key it is before it is kept. */
function keyForm(context: Context, action: string): HTMLElement {
  const trouble = h('div', {});
  const form = h(
    'form',
    { class: 'row' },
    input('Key', { name: 'key', type: 'password', required: true, spellcheck: 'false', placeholder: 'sk-…' }),
    h('div', {}, h('button', { type: 'submit', class: 'main' }, action)),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    trouble.replaceChildren();
    const secret = valuesOf(form).text('key');
    try {
      const { id, tenant, scopes } = await context.apiOf({ secret }).get<KeyInfo>('/v1/key');
      context.session.add({ secret, id, tenant, scopes });
      context.reload();
    } catch (error) {
      trouble.replaceChildren(failure(error));
    }
  });
  return h('div', {}, form, trouble);
}
