import { randomUUID } from 'node:crypto';
import type { ShareOf, Shares } from '../../contracts/quota.js';
import { SHARE_MS } from '../../contracts/registry-limits.js';
import { SCHEMA, WANTED } from './schema.js';
import type { SharedServer } from './server.js';

/** What was used at the last moment of a share counts for another minute. */
const KEEP_MS = SHARE_MS + 61_000;

/** The shares of this process, in PostgreSQL. */
export function createShares(server: SharedServer): Shares {
  const gateway = randomUUID();
  return {
    async take({ account, kind }, { most, wanted, used }) {
      const keepMs = kind.startsWith('month') ? null : KEEP_MS;
      const sql = `select ${SCHEMA}.take($1, $2, $3, $4, $5, $6, $7)::float8 as share`;
      const { rows } = await server.query<{ share: number }>(sql, [
        ...[account, kind, gateway, most, wanted, used, keepMs],
      ]);
      return rows[0]!.share;
    },

    async give({ account, kind }, share) {
      const sql = `update ${SCHEMA}.shares set share = least(share, $4) where account = $1 and kind = $2 and gateway = $3`;
      await server.query(sql, [account, kind, gateway, share]);
    },

    async renew() {
      const { rows } = await server.query<ShareOf & { share: number }>(
        `update ${SCHEMA}.shares set until = clock_timestamp() + make_interval(secs => $2 / 1000.0)
         where gateway = $1 and until <> 'infinity' returning account, kind, share::float8 as share`,
        [gateway, KEEP_MS],
      );
      return rows;
    },

    onWanted(listener) {
      server.listen(WANTED, (payload) => {
        const [account, kind, by] = JSON.parse(payload) as [string, ShareOf['kind'], string];
        // It is told, too.
        if (by !== gateway) listener({ account, kind });
      });
    },
  };
}
