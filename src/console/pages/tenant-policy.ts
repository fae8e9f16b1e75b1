import type { DataPolicy, SetDataPolicy } from '../../contracts/registry.js';
import { path } from '../api.js';
import type { Context } from '../context.js';
import { h, valuesOf } from '../dom.js';
import { ask } from '../parts/dialog.js';
import { checkbox, input, reasonField, reasonHeader } from '../parts/fields.js';
import { failure, section } from '../parts/layout.js';

/** What may be done with the answers of a tenant. */
export function policyPanel(context: Context, tenant: string, shown: SetDataPolicy): HTMLElement {
  let { revision, ...policy } = shown;
  const trouble = h('div', {});
  const asConfigured = 'Empty: as the gateway is configured.';
  const form = h(
    'form',
    { class: 'page' },
    h(
      'div',
      { class: 'row' },
      input(
        'Days that records of answers are kept',
        { name: 'days', type: 'number', min: 1, value: policy.retentionDays },
        asConfigured,
      ),
      input(
        'Records kept at most',
        { name: 'answers', type: 'number', min: 0, value: policy.maxAnswers },
        asConfigured,
      ),
    ),
    h(
      'div',
      { class: 'row' },
      input(
        'Percent of the answers whose texts are kept',
        { name: 'capture', type: 'number', min: 0, max: 100, step: 'any', value: 100 * policy.captureRate },
        'Question, passages and answer, without personal data.',
      ),
      input(
        'Days that these texts are kept',
        { name: 'captureDays', type: 'number', min: 1, value: policy.captureDays },
        asConfigured,
      ),
    ),
    checkbox('Corrected answers may be kept and exported for training', {
      name: 'consent',
      checked: policy.trainingConsent,
    }),
    checkbox('Texts of /v1/responses may be kept, so that later ones go on from them', {
      name: 'responses',
      checked: policy.storeResponses,
    }),
    trouble,
    h('div', { class: 'actions' }, h('button', { type: 'submit' }, 'Save the data policy')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const values = valuesOf(form);
    const next: DataPolicy = {
      ...policy,
      retentionDays: values.number('days'),
      maxAnswers: values.number('answers'),
      trainingConsent: values.has('consent'),
      storeResponses: values.has('responses'),
      captureRate: (values.number('capture') ?? 0) / 100,
      captureDays: values.number('captureDays'),
    };
    trouble.replaceChildren();
    void ask({
      title: 'Save the data policy?',
      text: 'Records beyond it are deleted within the hour, and cannot be had back.',
      fields: [reasonField()],
      action: 'Save',
      isDangerous: true,
      async submit(reasons) {
        const headers = { 'if-match': `"${revision}"`, ...reasonHeader(reasons.text('reason')) };
        const url = path`/admin/tenants/${tenant}/data-policy`;
        revision = (await context.admin.send<SetDataPolicy>('PUT', url, next, headers)).revision;
      },
    }).then(
      (isDone) => isDone && context.say('The data policy is saved.'),
      (error: unknown) => trouble.replaceChildren(failure(error)),
    );
  });
  return section('Data policy', {}, form);
}
