import { Option } from 'commander';
import type { Api } from './api.js';

export const storeOption = () =>
  new Option('--store <id>', "the vector store; the tenant's default one where left out");

/** The tenant's default store; null where it has none. */
export async function oldestStore(api: Api): Promise<string | null> {
  const [oldest] = await api.list<{ id: string }>('/v1/vector_stores?order=asc&limit=1');
  return oldest?.id ?? null;
}
