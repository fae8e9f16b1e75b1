/** The console: a page of the gateway itself that speaks to its API with the keys that the user gives. */
import { createApi } from './api.js';
import type { Context, Page } from './context.js';
import { fill, h } from './dom.js';
import { adapterVersion } from './pages/adapter-version.js';
import { adapters } from './pages/adapters.js';
import { deployment } from './pages/deployment.js';
import { deployments } from './pages/deployments.js';
import { documents } from './pages/documents.js';
import { evaluation } from './pages/evaluation.js';
import { evaluations } from './pages/evaluations.js';
import { models } from './pages/models.js';
import { overview } from './pages/overview.js';
import { playground } from './pages/playground.js';
import { quality } from './pages/quality.js';
import { reviews } from './pages/reviews.js';
import { keysOfTab, signIn } from './pages/session.js';
import { tenant, tenants } from './pages/tenants.js';
import { usage } from './pages/usage.js';
import { failure, page } from './parts/layout.js';
import { hashOf, type Place, readPlace } from './router.js';
import { createSession } from './session.js';
import { announce, createShell, namesOf } from './shell.js';

/** Relative, so that a gateway may live below a prefix. */
const BASE = new URL('..', document.baseURI).href;
const session = createSession(sessionStorage);
const app = document.getElementById('app')!;
let leave = new AbortController();

async function show(): Promise<void> {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const admin = session.find('admin');
  const context = await contextOf(signal, admin?.secret ?? null).catch((error: unknown) => {
    fill(
      app,
      h(
        'main',
        { class: 'sign-in' },
        page(
          'Switchyard',
          {},
          failure(error, () => void show()),
        ),
      ),
    );
    return null;
  });
  if (context === null || signal.aborted) return;
  if (session.keys().length === 0) {
    document.title = 'Sign in · Switchyard';
    fill(app, signIn(context));
    return;
  }
  const shell = createShell(context, admin !== null);
  fill(app, shell.element);
  document.title = `${namesOf[context.place.page]} · Switchyard`;
  const content = await Promise.resolve(pageOf(context, admin !== null)(context)).catch((error: unknown) =>
    page(
      namesOf[context.place.page],
      {},
      failure(error, () => void show()),
    ),
  );
  if (signal.aborted) return;
  fill(shell.main, content);
  // Whoever reads by ear hears where they are; nothing is scrolled.
  content.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
}

async function contextOf(left: AbortSignal, adminKey: string | null): Promise<Context> {
  const admin = createApi(BASE, adminKey);
  const known = adminKey === null ? [] : (await admin.list<{ id: string }>('/admin/tenants')).map(({ id }) => id);
  const tenants = [...new Set([...known, ...session.keys().map((key) => key.tenant)])];
  return {
    place: atTenant(readPlace(location.hash), tenants),
    session,
    admin,
    tenants,
    left,
    apiOf: ({ secret }) => createApi(BASE, secret),
    say: announce,
    go(hash) {
      if (location.hash === hash) void show();
      else location.hash = hash;
    },
    reload: () => void show(),
  };
}

const ABOUT_TENANT = new Set([
  'deployments',
  'adapters',
  'evaluations',
  'playground',
  'documents',
  'reviews',
  'quality',
  'usage',
]);
let lastTenant: string | null = null;

/** Pages of a tenant are about the one of before, where none is named. */
function atTenant(place: Place, tenants: readonly string[]): Place {
  if (!ABOUT_TENANT.has(place.page)) return place;
  const first = tenants.find((id) => id !== 'admin') ?? tenants[0] ?? null;
  const tenant = place.tenant ?? (lastTenant !== null && tenants.includes(lastTenant) ? lastTenant : first);
  lastTenant = tenant;
  return { ...place, tenant };
}

function pageOf({ place }: Context, isOperator: boolean): Page {
  if (place.page === 'session') return keysOfTab;
  if (place.page === 'playground') return playground;
  if (place.page === 'documents') return documents;
  if (place.page === 'usage') return usage;
  if (!isOperator) return keysOfTab;
  switch (place.page) {
    case 'overview':
      return overview;
    case 'deployments':
      return place.item === null ? deployments : deployment;
    case 'adapters':
      return place.item === null ? adapters : adapterVersion;
    case 'evaluations':
      return place.item === null ? evaluations : evaluation;
    case 'reviews':
      return reviews;
    case 'quality':
      return quality;
    case 'models':
      return models;
    case 'tenants':
      return place.tenant === null ? tenants : tenant;
  }
}

window.addEventListener('hashchange', () => void show());
if (location.hash === '') history.replaceState(null, '', hashOf('overview'));
void show();
