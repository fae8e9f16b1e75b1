/** The keys that the user has given, for as long as the tab is open. They go to this gateway and nowhere else. */
import type { Scope } from '../contracts/registry.js';

export interface HeldKey {
  readonly secret: string;
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
}

interface Storage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export interface Session {
  keys(): readonly HeldKey[];
  /** A key that is there already is replaced. */
  add(key: HeldKey): void;
  remove(id: string): void;
  clear(): void;
  /** A key that may do it; one of the tenant, where one is named. */
  find(scope: Scope, tenant?: string): HeldKey | null;
}

const NAME = 'switchyard.keys';

export function createSession(storage: Storage): Session {
  let held = read(storage);
  const keep = (keys: readonly HeldKey[]) => {
    held = keys;
    if (keys.length === 0) storage.removeItem(NAME);
    else storage.setItem(NAME, JSON.stringify(keys));
  };
  return {
    keys: () => held,
    add: (key) => keep([...held.filter(({ id }) => id !== key.id), key]),
    remove: (id) => keep(held.filter((key) => key.id !== id)),
    clear: () => keep([]),
    find: (scope, tenant) =>
      held.find((key) => key.scopes.includes(scope) && (tenant === undefined || key.tenant === tenant)) ?? null,
  };
}

function read(storage: Storage): readonly HeldKey[] {
  try {
    const keys: unknown = JSON.parse(storage.getItem(NAME) ?? '[]');
    return Array.isArray(keys) ? keys : [];
  } catch {
    return [];
  }
}
