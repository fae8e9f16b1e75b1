import { type Live, readLive, readScrape, type Scrape, type Traffic } from '../../metrics/live.js';
import type { Context } from '../context.js';
import { fill, h } from '../dom.js';
import { bytes, count, rate, seconds } from '../format.js';
import { chart } from '../parts/chart.js';
import { badge, empty, failure, link, page, section } from '../parts/layout.js';
import { poll } from '../parts/poll.js';
import { table } from '../parts/table.js';
import { hashOf } from '../router.js';

const EVERY_MS = 2000;
/** Ten minutes; kept while other pages are shown. */
const MOST_POINTS = 300;
const points: Live[] = [];
let before: Scrape | null = null;

export function overview(context: Context): HTMLElement {
  const trouble = h('div', {});
  const state = h('div', { class: 'actions' });
  const tiles = h('dl', { class: 'tiles' });
  const busy = h('div', {});
  const charts = [
    {
      ...chart(
        'Answers a second',
        [
          { label: 'asked', colour: '--line-1', format: rate },
          { label: 'errors', colour: '--line-2', format: rate },
        ],
        context.left,
      ),
      read: (live: Live) => [live.requestsPerS, live.errorsPerS],
    },
    {
      ...chart(
        'Tokens a second',
        [
          { label: 'written', colour: '--line-1', format: rate },
          { label: 'read', colour: '--line-2', format: rate },
        ],
        context.left,
      ),
      read: (live: Live) => [live.completionTokensPerS, live.promptTokensPerS],
    },
    {
      ...chart(
        'Time to first token',
        [
          { label: 'median', colour: '--line-1', format: seconds },
          { label: '95 of 100', colour: '--line-2', format: seconds },
        ],
        context.left,
      ),
      read: (live: Live) => [live.firstTokenP50S, live.firstTokenP95S],
    },
    {
      ...chart(
        'Engine',
        [
          { label: 'slots in use', colour: '--line-1', format: count },
          { label: 'waiting', colour: '--line-2', format: count },
        ],
        context.left,
      ),
      read: (live: Live) => [live.slotsInUse, live.queued],
    },
  ];

  poll(
    context.left,
    EVERY_MS,
    async () => {
      const now = readScrape(await context.admin.text('/metrics'), Date.now());
      const live = readLive(before, now);
      before = now;
      points.push(live);
      points.splice(0, points.length - MOST_POINTS);
      fill(state, stateOf(live));
      fill(tiles, tilesOf(live));
      fill(busy, trafficTable(live.traffic));
      for (const { update, read } of charts) {
        const values = points.map(read);
        update(
          points.map(({ atMs }) => atMs),
          [values.map(([first]) => first!), values.map(([, second]) => second!)],
        );
      }
    },
    (error) => fill(trouble, error !== null && failure(error)),
  );

  return page(
    'Overview',
    { lead: 'What the gateway does now, looked at every two seconds.', actions: [state] },
    trouble,
    tiles,
    h(
      'div',
      { class: 'columns' },
      charts.map(({ element }) => element),
    ),
    section('Traffic by version', {}, busy),
  );
}

function stateOf({ notReady }: Live): HTMLElement {
  return notReady.length === 0 ? badge('Ready', 'good') : badge(`Not ready: ${notReady.join(', ')}`, 'bad');
}

function tilesOf(live: Live): HTMLElement[] {
  const tile = (name: string, value: string, more = '') =>
    h(
      'div',
      { class: 'tile' },
      h('dt', {}, name),
      h('dd', {}, value, more !== '' && h('span', { class: 'hint' }, ` ${more}`)),
    );
  return [
    tile('Tokens written a second', rate(live.completionTokensPerS)),
    tile('Answers a second', rate(live.requestsPerS)),
    tile('First token, median', seconds(live.firstTokenP50S)),
    tile('Slots', `${live.slotsInUse}`, `of ${live.slots}, ${live.queued} waiting`),
    tile('Adapters loaded', count(live.adaptersResident)),
    tile('Passages', count(live.passages), live.ingestQueue > 0 ? `${live.ingestQueue} files waiting` : ''),
    tile('Memory', bytes(live.rssBytes)),
  ];
}

function trafficTable(traffic: readonly Traffic[]): HTMLElement {
  return table<Traffic>(
    'Traffic by version',
    [
      { title: 'Tenant', cell: ({ tenant }) => tenant },
      {
        title: 'Deployment',
        cell: ({ tenant, deployment }) => link(hashOf('deployments', tenant, deployment), deployment),
      },
      { title: 'Version', cell: ({ adapter }) => adapter },
      { title: 'Arm', cell: ({ arm }) => badge(arm, arm === 'canary' ? 'warn' : 'plain') },
      { title: 'Answers', cell: ({ requests }) => count(requests), isNumber: true },
      { title: 'a second', cell: ({ requestsPerS }) => rate(requestsPerS), isNumber: true },
      { title: 'Tokens a second', cell: ({ tokensPerS }) => rate(tokensPerS), isNumber: true },
      { title: 'First token', cell: ({ firstTokenS }) => seconds(firstTokenS), isNumber: true },
    ],
    traffic,
    empty('No answer was asked for yet.', 'Ask one in the ', link(hashOf('playground'), 'playground'), '.'),
  );
}
