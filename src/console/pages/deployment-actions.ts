import type { AdapterVersion, Deployment } from '../../contracts/registry.js';
import { path } from '../api.js';
import type { Context } from '../context.js';
import type { valuesOf } from '../dom.js';
import { version } from '../format.js';
import { ask, type DialogOptions } from '../parts/dialog.js';
import { input, reasonField, reasonHeader, select } from '../parts/fields.js';
import { button } from '../parts/layout.js';

type Values = ReturnType<typeof valuesOf>;
interface Change extends Omit<DialogOptions, 'submit'> {
  /** Below the deployment. */
  readonly to: string;
  readonly body?: (values: Values) => object;
  /** Said once it is done. */
  readonly done: string;
}

const DEFAULT_STEPS = '1, 5, 25, 50, 100';
const DEFAULT_ANSWERS = 50;
const DEFAULT_MINUTES = 5;

/**
 * What can be done to a deployment now. Everything is confirmed first, on the condition that the deployment is still what was
 * shown: a change that somebody else made meanwhile is not overwritten.
 */
export function actionsOf(
  context: Context,
  deployment: Deployment,
  versions: readonly AdapterVersion[],
  changed: () => void,
): HTMLElement[] {
  const { adapter, stableVersion, canaryVersion, canaryWeight, rollout } = deployment;
  const base = path`/admin/tenants/${deployment.tenant}/deployments/${deployment.name}`;
  const open = async ({ to, body, done, fields = [], ...dialog }: Change) => {
    const isDone = await ask({
      ...dialog,
      fields: [...fields, reasonField()],
      submit: (values) =>
        context.admin.send('POST', `${base}/${to}`, body?.(values) ?? null, {
          'if-match': `"${deployment.revision}"`,
          ...reasonHeader(values.text('reason')),
        }),
    });
    if (!isDone) return;
    context.say(done);
    changed();
  };
  const stable = version(adapter, stableVersion);
  const canary = version(adapter, canaryVersion);
  const others = versions.filter((one) => one.name === adapter && one.version !== stableVersion);
  const does = (text: string, change: Change, kind: 'plain' | 'main' | 'danger' = 'plain') =>
    button(text, () => void open(change), kind);

  const rollback = does(
    'Roll back',
    {
      to: 'rollback',
      title: canaryVersion === null ? `Go back from ${stable}?` : `Drop the canary ${canary}?`,
      text:
        canaryVersion === null
          ? `The stable version before ${stable} answers from the next request on.`
          : `${stable} answers everything from the next request on.`,
      action: 'Roll back',
      isDangerous: true,
      done: 'Rolled back.',
    },
    'danger',
  );
  const start =
    others.length > 0 && rollout === null
      ? [does('Start a rollout', startChange(stable, others, canaryVersion), canaryVersion === null ? 'main' : 'plain')]
      : [];
  if (canaryVersion === null) {
    return [...start, ...(others.length === 0 ? [] : [does('Set a canary', canaryChange(others, 5))]), rollback];
  }
  return [
    does(
      'Promote',
      {
        to: 'promote',
        title: `Promote ${canary}?`,
        text: `${canary} answers everything from the next request on; ${stable} is kept as the one to go back to. It had ${canaryWeight} % of the traffic.`,
        action: 'Promote',
        done: `${canary} is stable.`,
      },
      'main',
    ),
    ...start,
    ...(rollout === null
      ? [does('Change the share', canaryChange(others, canaryWeight, canaryVersion))]
      : rolloutChanges(rollout).map(([text, change]) => does(text, change))),
    rollback,
  ];
}

function rolloutChanges({ status, steps, step }: NonNullable<Deployment['rollout']>): (readonly [string, Change])[] {
  const next = steps[step + 1];
  const pause: readonly [string, Change] =
    status === 'paused'
      ? [
          'Resume',
          {
            to: 'rollout/resume',
            title: 'Resume the rollout?',
            text: 'It goes on from its step as the judge decides.',
            action: 'Resume',
            done: 'The rollout goes on.',
          },
        ]
      : [
          'Pause',
          {
            to: 'rollout/pause',
            title: 'Pause the rollout?',
            text: 'The canary keeps its share. It is still rolled back where it is proven worse.',
            action: 'Pause',
            done: 'The rollout is paused.',
          },
        ];
  if (next === undefined) return [pause];
  const advance: readonly [string, Change] = [
    'Advance',
    {
      to: 'rollout/advance',
      title: `Advance to ${next} %?`,
      text: 'The next step is taken without waiting for the judge.',
      action: 'Advance',
      done: `The canary gets ${next} %.`,
    },
  ];
  return [pause, advance];
}

function startChange(stable: string, others: readonly AdapterVersion[], chosen: number | null): Change {
  return {
    to: 'rollout',
    title: 'Start a rollout',
    text: `The version gets the share of the first step at once, and is judged against ${stable}: it is given more while it is good, becomes stable after the last step, and is rolled back as soon as it is proven worse.`,
    fields: [
      versionField(others, chosen),
      input('Steps', { name: 'steps', required: true, value: DEFAULT_STEPS }, 'Percentages, rising, the last one 100.'),
      input(
        'Answers at each step',
        { name: 'leastAnswers', type: 'number', min: 1, required: true, value: DEFAULT_ANSWERS },
        'Of the canary, at least.',
      ),
      input(
        'Minutes at each step',
        { name: 'minutes', type: 'number', min: 0, step: 'any', required: true, value: DEFAULT_MINUTES },
        'At least.',
      ),
    ],
    action: 'Start the rollout',
    body: (values) => ({
      version: values.number('version'),
      steps: values
        .text('steps')
        .split(/[\s,;]+/)
        .filter(Boolean)
        .map(Number),
      leastAnswers: values.number('leastAnswers'),
      leastMs: Math.round((values.number('minutes') ?? 0) * 60_000),
    }),
    done: 'The rollout has begun.',
  };
}

function canaryChange(others: readonly AdapterVersion[], weight: number, chosen: number | null = null): Change {
  return {
    to: 'canary',
    title: chosen === null ? 'Set a canary' : 'Change the share of the canary',
    text: 'The version gets this share of the traffic until somebody changes it. Nothing rolls it back by itself.',
    fields: [
      versionField(others, chosen),
      input(
        'Share',
        { name: 'weight', type: 'number', min: 0, max: 100, step: 'any', required: true, value: weight },
        'Percent of the traffic.',
      ),
    ],
    action: chosen === null ? 'Set the canary' : 'Change the share',
    body: (values) => ({ version: values.number('version'), weight: values.number('weight') }),
    done: 'The canary is set.',
  };
}

function versionField(others: readonly AdapterVersion[], chosen: number | null = null): HTMLElement {
  const newest = [...others].sort((a, b) => b.version - a.version);
  const options = newest.map((one) => [String(one.version), version(one.name, one.version)] as const);
  return select('Version', { name: 'version' }, options, chosen === null ? null : String(chosen));
}
