import { type Command, Option } from 'commander';
import type { Review, ReviewItem } from '../../contracts/registry.js';
import { FEEDBACK_CATEGORIES, REVIEW_REASONS } from '../../contracts/registry-limits.js';
import { adminApi, path } from '../api.js';
import { parseNumber, tenantOption } from '../options.js';
import { show } from '../show.js';
import { formatTime, type Terminal } from '../terminal.js';

interface ListOptions {
  readonly tenant: string;
  readonly because?: string;
  readonly limit: number;
}

interface GiveOptions {
  readonly tenant: string;
  readonly label?: readonly string[];
  readonly note?: string;
}

interface CorrectOptions extends GiveOptions {
  readonly question: string;
  readonly answer: string;
}

export function addReviews(program: Command, terminal: Terminal): void {
  const reviews = program.command('reviews').description('look at answers that may be wrong');

  reviews
    .command('list')
    .description('list answers that a person should look at and nobody has, the newest first')
    .addOption(tenantOption())
    .addOption(new Option('--because <reason>', 'only for this reason').choices(REVIEW_REASONS))
    .option('--limit <count>', 'at most so many', parseNumber, 50)
    .action(async ({ tenant, because, limit }: ListOptions, command: Command) => {
      const query = new URLSearchParams({ limit: String(limit), ...(because && { reason: because }) });
      const data = await adminApi(command).list<ReviewItem>(`${path`/admin/tenants/${tenant}/reviews`}?${query}`);
      show(terminal, command, data, data.map(toRow));
    });

  const give = (verdict: Review['verdict'], description: string) =>
    reviews
      .command(`${{ accepted: 'accept', rejected: 'reject', corrected: 'correct' }[verdict]} <answer>`)
      .description(description)
      .addOption(tenantOption())
      .addOption(new Option('--label <label...>', 'what is wrong with it').choices(FEEDBACK_CATEGORIES))
      .option('--note <text>', 'for whoever looks at it later');
  const send = async (verdict: Review['verdict'], answer: string, options: GiveOptions, command: Command) => {
    const { tenant, label: labels = [], note } = options;
    const { question, answer: better } = options as Partial<CorrectOptions>;
    const correction = question && better && { messages: [{ role: 'user', content: question }], answer: better };
    const review = { verdict, labels, ...(note && { note }), ...(correction && { correction }) };
    await adminApi(command).send('PUT', path`/admin/tenants/${tenant}/reviews/${answer}`, review);
    show(terminal, command, review, [{ answer, verdict, labels: labels.join(', ') }]);
  };
  for (const [verdict, what] of [
    ['accepted', "the answer is right; or the user's correction of it, where there is one"],
    ['rejected', "the answer is wrong; or the user's correction of it: nothing is learnt from it"],
  ] as const) {
    give(verdict, what).action((answer: string, options: GiveOptions, command: Command) =>
      send(verdict, answer, options, command),
    );
  }
  give('corrected', 'say what should have been answered')
    .requiredOption('--question <text>', 'what was asked: prompts are not kept')
    .requiredOption('--answer <text>', 'the right answer')
    .action((answer: string, options: CorrectOptions, command: Command) => send('corrected', answer, options, command));
}

function toRow({ answerId, createdAt, deployment, adapter, reasons, groundedness, comments, shadowId }: ReviewItem) {
  return {
    answer: answerId,
    created: formatTime(createdAt),
    deployment,
    adapter,
    reasons: reasons.join(', '),
    grounded: groundedness === null ? null : groundedness.toFixed(2),
    comment: comments[0] ?? null,
    unseen: shadowId,
  };
}
