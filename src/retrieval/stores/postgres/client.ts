import pg from 'pg';
import { AppError } from '../../../errors/app-error.js';
import { NUMBERS_AS_NUMBERS } from '../../../postgres/open.js';
import { storageTrouble } from '../../../sqlite/storage-trouble.js';

const CONNECT_TIMEOUT_MS = 5000;

/**
 * Does a job of a command's on a connection of its own, which may take as long as there is data.
 * @throws AppError `config_invalid` where the server cannot be reached, or refuses
 */
export async function withClient<T>(url: string, job: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'switchyard',
    types: NUMBERS_AS_NUMBERS,
  });
  // It breaks between two statements. Unheard, that would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return await job(client);
  } catch (error) {
    const reason = storageTrouble(error) ?? (error instanceof pg.DatabaseError ? error.message : null);
    if (reason === null) throw error;
    const { host } = new URL(url);
    throw new AppError(
      'config_invalid',
      { reason: `PostgreSQL at ${host} cannot be used: ${reason}` },
      { cause: error },
    );
  } finally {
    await client.end().catch(() => {});
  }
}
