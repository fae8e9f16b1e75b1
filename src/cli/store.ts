import { Option } from 'commander';
import { type Api, path } from './api.js';

export const storeOption = () =>
  new Option('--store <id>', "the vector store; the tenant's default one where left out");

/** The path of the store that was named, or of the tenant's default one; null where there is none. */
export async function findStore(api: Api, store: string | undefined): Promise<string | null> {
  const id = store ?? (await api.list<{ id: string }>('/v1/vector_stores?order=asc&limit=1'))[0]?.id;
  return id === undefined ? null : path`/v1/vector_stores/${id}`;
}

/** The same; the default one is made where there is none. */
export async function storeUrl(api: Api, store: string | undefined): Promise<string> {
  const create = async () => api.send<{ id: string }>('POST', '/v1/vector_stores', { name: 'Documents' });
  return (await findStore(api, store)) ?? path`/v1/vector_stores/${(await create()).id}`;
}
