import { TENANT_LIMITS } from '../../contracts/registry-limits.js';
import { type Context, tenantOf } from '../context.js';
import { bytes, count, words } from '../format.js';
import { keyFor } from '../parts/key-needed.js';
import { bar, empty, facts, page, section } from '../parts/layout.js';
import { table } from '../parts/table.js';
import type { UsageSums, UsageWire } from '../wire.js';

const DAYS = 30;
const DAY_MS = 86_400_000;

/** What a tenant used, keeps and may, as it sees it itself. */
export async function usage(context: Context): Promise<HTMLElement> {
  const tenant = tenantOf(context);
  const key = keyFor(context, 'Usage', 'inference');
  if (key instanceof HTMLElement) return key;
  const api = context.apiOf(key);
  const from = new Date(Date.now() - DAYS * DAY_MS).toISOString().slice(0, 10);
  const month = `${new Date().toISOString().slice(0, 7)}-01`;
  const [lately, ofMonth] = await Promise.all([
    api.get<UsageWire>(`/v1/usage?from=${from}&group_by=deployment,version`),
    api.get<UsageWire>(`/v1/usage?from=${month}`),
  ]);
  const { limits, stored } = lately;
  return page(
    'Usage',
    { lead: `What ${tenant} used, keeps and may use.` },
    section(
      'Now',
      {},
      facts([
        ['Tokens of this month', against(ofMonth.total.total_tokens, limits.tokens_per_month, count)],
        ['Stored files', against(stored.bytes, limits.stored_bytes, bytes)],
        ['Stored passages', against(stored.passages, limits.stored_passages, count)],
      ]),
    ),
    section('Limits', {}, facts(limitFacts(limits))),
    section(
      `The last ${DAYS} days`,
      {},
      table<UsageSums & { readonly deployment?: string; readonly version?: string }>(
        `Usage of ${tenant}`,
        [
          { title: 'Deployment', cell: ({ deployment }) => deployment },
          { title: 'Version', cell: ({ version }) => version },
          { title: 'Answers', cell: ({ answers }) => count(answers), isNumber: true },
          { title: 'Prompt tokens', cell: ({ prompt_tokens: tokens }) => count(tokens), isNumber: true },
          { title: 'of them cached', cell: ({ cached_tokens: tokens }) => count(tokens), isNumber: true },
          { title: 'Answer tokens', cell: ({ completion_tokens: tokens }) => count(tokens), isNumber: true },
        ],
        lately.data,
        empty('Nothing was asked in this time.'),
      ),
    ),
  );
}

function limitFacts(limits: UsageWire['limits']): [string, string][] {
  return TENANT_LIMITS.map((name) => {
    const wire = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return [words(wire), limits[wire] === null || limits[wire] === undefined ? 'no limit' : count(limits[wire])];
  });
}

function against(used: number, limit: number | null | undefined, show: (value: number) => string) {
  if (limit === null || limit === undefined) return show(used);
  return [`${show(used)} of ${show(limit)} `, bar('Used share', limit === 0 ? 1 : used / limit)];
}
