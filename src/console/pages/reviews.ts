import type { ReviewItem } from '../../contracts/registry.js';
import { FEEDBACK_CATEGORIES, REVIEW_REASONS } from '../../contracts/registry-limits.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { fill, h } from '../dom.js';
import { score, time, words } from '../format.js';
import { ask } from '../parts/dialog.js';
import { area, checkboxes, select } from '../parts/fields.js';
import { badge, button, empty, facts, failure, page, section } from '../parts/layout.js';

const ANY = '';

/** Answers that a person should look at. */
export async function reviews(context: Context): Promise<HTMLElement> {
  const tenant = tenantOf(context);
  const queue = h('div', { class: 'page' });
  let reason: string = ANY;
  const show = async () => {
    const query = reason === ANY ? '' : `?reason=${reason}`;
    try {
      const items = await context.admin.list<ReviewItem>(`${path`/admin/tenants/${tenant}/reviews`}${query}`);
      fill(
        queue,
        items.length === 0
          ? section(
              'Queue',
              {},
              empty(
                'Nothing waits.',
                'Answers come here when they are hardly supported by their passages, when a user did not like them, or wrote a better one.',
              ),
            )
          : items.map((item) => card(item)),
      );
    } catch (error) {
      fill(
        queue,
        failure(error, () => void show()),
      );
    }
  };

  function card(item: ReviewItem): HTMLElement {
    return section(
      item.answerId,
      {
        actions: [
          button('Accept', () => void review(item, 'accepted')),
          button('Correct', () => void review(item, 'corrected')),
          button('Reject', () => void review(item, 'rejected'), 'danger'),
        ],
      },
      h(
        'p',
        {},
        item.reasons.flatMap((name) => [badge(words(name), 'warn'), ' ']),
      ),
      facts([
        ['Given', time(item.createdAt)],
        ['By', `${item.deployment}, ${item.adapter ?? 'base model'}`],
        ['Groundedness', score(item.groundedness)],
        ['Best passage', score(item.topScore)],
        ['Refused', item.refused === null ? '–' : item.refused ? 'yes' : 'no'],
        ['The canary, unseen', item.shadowId ?? '–'],
      ]),
      item.comments.length > 0 && [
        h('h3', {}, 'What users say'),
        item.comments.map((comment) => h('blockquote', {}, comment)),
      ],
      item.corrections.map(({ messages, answer }) => [
        h('h3', {}, 'What a user would have wanted'),
        h('p', { class: 'muted' }, messages.at(-1)?.content),
        h('p', {}, answer),
      ]),
    );
  }

  async function review(item: ReviewItem, verdict: 'accepted' | 'corrected' | 'rejected'): Promise<void> {
    const isCorrected = verdict === 'corrected';
    const known = item.corrections[0];
    const isDone = await ask({
      title: `${{ accepted: 'Accept', corrected: 'Correct', rejected: 'Reject' }[verdict]} ${item.answerId}`,
      text: isCorrected
        ? 'Kept for training where the tenant consents to it; prompts are not kept, so the question has to be said.'
        : null,
      fields: [
        isCorrected && area('Question', { name: 'question', required: true }, known?.messages.at(-1)?.content ?? ''),
        isCorrected && area('Right answer', { name: 'answer', required: true }, known?.answer ?? ''),
        checkboxes('What is wrong with it', 'labels', FEEDBACK_CATEGORIES),
        area('Note', { name: 'note', maxlength: 4000 }),
      ],
      action: words(verdict),
      isDangerous: verdict === 'rejected',
      submit: (values) =>
        context.admin.send('PUT', path`/admin/tenants/${tenant}/reviews/${item.answerId}`, {
          verdict,
          labels: values.all('labels'),
          ...(values.text('note') !== '' && { note: values.text('note') }),
          ...(isCorrected && {
            correction: {
              messages: [...(known?.messages.slice(0, -1) ?? []), { role: 'user', content: values.text('question') }],
              answer: values.text('answer'),
            },
          }),
        }),
    });
    if (!isDone) return;
    context.say('The review is kept.');
    await show();
  }

  await show();
  const choose = (event: Event) => {
    reason = (event.target as HTMLSelectElement).value;
    void show();
  };
  return page(
    'Reviews',
    { lead: `Answers of ${tenant} that somebody should look at.` },
    h(
      'div',
      { class: 'row' },
      select('Because of', { onchange: choose }, [
        [ANY, 'anything'],
        ...REVIEW_REASONS.map((name) => [name, words(name)] as const),
      ]),
    ),
    queue,
  );
}
