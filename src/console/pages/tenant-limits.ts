import type { Limits, SetLimits, UsageRow, UsageSums } from '../../contracts/quota.js';
import { TENANT_LIMITS } from '../../contracts/registry-limits.js';
import { path } from '../api.js';
import type { Context } from '../context.js';
import { h, valuesOf } from '../dom.js';
import { count } from '../format.js';
import { ask } from '../parts/dialog.js';
import { input, reasonField, reasonHeader } from '../parts/fields.js';
import { empty, section } from '../parts/layout.js';
import { table } from '../parts/table.js';

const DAYS = 30;
const DAY_MS = 86_400_000;
const NAMES: Readonly<Record<(typeof TENANT_LIMITS)[number], string>> = {
  requestsPerMinute: 'Requests a minute',
  tokensPerMinute: 'Tokens a minute',
  tokensPerMonth: 'Tokens a month',
  concurrentRequests: 'Requests at once',
  queuedRequests: 'Requests that wait',
  storedBytes: 'Stored bytes',
  storedPassages: 'Stored passages',
};

/** What a tenant used lately, by deployment and version. */
export async function usagePanel({ admin }: Context, tenant: string): Promise<HTMLElement> {
  const from = new Date(Date.now() - DAYS * DAY_MS).toISOString().slice(0, 10);
  const query = new URLSearchParams({ tenant, from, group_by: 'deployment,version' });
  const { data, total } = await admin.get<{ data: readonly UsageRow[]; total: UsageSums }>(`/admin/usage?${query}`);
  const all = data.length > 1 ? [{ ...total, deployment: 'Altogether', version: '' }] : [];
  return section(
    `Usage of the last ${DAYS} days`,
    {},
    table<UsageRow>(
      `Usage of ${tenant}`,
      [
        { title: 'Deployment', cell: ({ deployment }) => deployment },
        { title: 'Version', cell: ({ version }) => version },
        { title: 'Answers', cell: ({ answers }) => count(answers), isNumber: true },
        { title: 'Prompt tokens', cell: ({ promptTokens }) => count(promptTokens), isNumber: true },
        { title: 'of them cached', cell: ({ cachedTokens }) => count(cachedTokens), isNumber: true },
        { title: 'Answer tokens', cell: ({ completionTokens }) => count(completionTokens), isNumber: true },
      ],
      [...data, ...all],
      empty('Nothing was asked in this time.'),
    ),
  );
}

/** What all keys of a tenant may use together. */
export async function limitsPanel(context: Context, tenant: string): Promise<HTMLElement> {
  const url = path`/admin/tenants/${tenant}/limits`;
  const { limits, revision } = await context.admin.get<SetLimits>(url);
  const form = h(
    'form',
    { class: 'page' },
    h(
      'div',
      { class: 'row' },
      TENANT_LIMITS.map((name) =>
        input(NAMES[name], { name, type: 'number', min: 0, value: limits[name], placeholder: 'no limit' }),
      ),
    ),
    h('p', { class: 'hint' }, 'Of all keys together. Empty: not limited.'),
    h('div', { class: 'actions' }, h('button', { type: 'submit' }, 'Save the limits')),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const values = valuesOf(form);
    const next = Object.fromEntries(TENANT_LIMITS.map((name) => [name, values.number(name)])) as unknown as Limits;
    const isDone = await ask({
      title: 'Save the limits?',
      text: 'They hold from the next request on; what is under way goes on.',
      fields: [reasonField()],
      action: 'Save',
      submit: (reasons) =>
        context.admin.send('PUT', url, next, {
          'if-match': `"${revision}"`,
          ...reasonHeader(reasons.text('reason')),
        }),
    });
    if (!isDone) return;
    context.say('The limits are saved.');
    context.reload();
  });
  return section('Limits', {}, form);
}
