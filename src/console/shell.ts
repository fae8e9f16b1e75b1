/** What stands around every page: where one is, and where one can go. */
import type { Context } from './context.js';
import { h } from './dom.js';
import { select } from './parts/fields.js';
import { hashOf, type PageName } from './router.js';

export const namesOf: Readonly<Record<PageName, string>> = {
  overview: 'Overview',
  deployments: 'Deployments',
  adapters: 'Adapters',
  evaluations: 'Evaluations',
  playground: 'Playground',
  documents: 'Documents',
  reviews: 'Reviews',
  quality: 'Quality',
  usage: 'Usage',
  tenants: 'Tenants',
  models: 'Models',
  session: 'Keys of this tab',
};
/** With any key of a tenant; the others are for operators. */
const OF_TENANTS: readonly PageName[] = ['playground', 'documents', 'usage', 'session'];
const WITHOUT_TENANT: readonly PageName[] = ['overview', 'tenants', 'models', 'session'];

export function createShell(context: Context, isOperator: boolean) {
  const { place, tenants } = context;
  const main = h('main', { id: 'main', tabindex: -1 }, h('p', { class: 'muted' }, 'Loading …'));
  const pages = (Object.keys(namesOf) as PageName[]).filter((name) => isOperator || OF_TENANTS.includes(name));
  const links = pages.map((name) => {
    const tenant = WITHOUT_TENANT.includes(name) ? null : place.tenant;
    const current = name === place.page ? 'page' : null;
    return h('li', {}, h('a', { href: hashOf(name, tenant), 'aria-current': current }, namesOf[name]));
  });
  const chooser =
    WITHOUT_TENANT.includes(place.page) || tenants.length === 0
      ? null
      : select(
          'Tenant',
          { onchange: (event: Event) => context.go(hashOf(place.page, (event.target as HTMLSelectElement).value)) },
          tenants.map((id) => [id, id] as const),
          place.tenant,
        );
  const side = h('header', { class: 'side' });
  const menu = h(
    'button',
    { type: 'button', class: 'menu', 'aria-expanded': 'false', 'aria-controls': 'menu' },
    'Menu',
  );
  const toggle = (isOpen: boolean) => {
    side.classList.toggle('open', isOpen);
    menu.setAttribute('aria-expanded', String(isOpen));
  };
  menu.addEventListener('click', () => toggle(!side.classList.contains('open')));
  side.append(
    h('div', { class: 'side-head' }, brand(), menu),
    h(
      'div',
      { class: 'side-body', id: 'menu' },
      h('nav', { 'aria-label': 'Pages', onclick: () => toggle(false) }, h('ul', {}, links)),
      chooser,
    ),
  );
  const skip = h('button', { type: 'button', class: 'skip', onclick: () => main.focus() }, 'Skip to the content');
  return { element: h('div', { class: 'shell' }, skip, side, main), main };
}

export function brand(): HTMLElement {
  return h('a', { class: 'brand', href: hashOf('overview') }, h('img', { src: 'icon.svg', alt: '' }), 'Switchyard');
}

const toasts = h('div', { class: 'toasts', role: 'status' });
const SHOWN_MS = 6000;

/** Says what was done, for a while, to screen readers too. */
export function announce(message: string): void {
  if (!toasts.isConnected) document.body.append(toasts);
  const toast = h('p', { class: 'toast' }, message);
  toasts.append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}
