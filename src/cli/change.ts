import { type Api, ApiFailure } from './api.js';

/** How often a change is begun again because somebody else was faster. */
const MAX_CHANGES = 5;

/**
 * Changes what was read and nothing else: where somebody changed it meanwhile, that is read and changed instead.
 * @param changed the body, of what is there; null: there is none yet
 */
export async function change<T extends { readonly revision: number }>(
  api: Api,
  url: string,
  changed: (before: T | null) => object,
): Promise<T> {
  for (let left = MAX_CHANGES; ; left--) {
    const before = await current<T>(api, url);
    const condition: Record<string, string> = before
      ? { 'if-match': `"${before.revision}"` }
      : { 'if-none-match': '*' };
    try {
      return await api.send<T>('PUT', url, changed(before), condition);
    } catch (error) {
      const isStale = error instanceof ApiFailure && error.status === 412;
      if (!isStale || left === 1) throw error;
    }
  }
}

async function current<T>(api: Api, url: string): Promise<T | null> {
  try {
    return await api.get<T>(url);
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return null;
    throw error;
  }
}
