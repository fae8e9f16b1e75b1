import { type Child, h } from '../dom.js';

/** A page: its one first heading, a line below it, and what can be done. */
export function page(
  title: string,
  { lead = null, actions = [] }: { readonly lead?: Child; readonly actions?: readonly Child[] } = {},
  ...children: readonly Child[]
): HTMLElement {
  return h(
    'div',
    { class: 'page' },
    h(
      'header',
      { class: 'page-head' },
      h('div', {}, h('h1', { tabindex: -1 }, title), lead && h('p', { class: 'lead' }, lead)),
      actions.length > 0 && h('div', { class: 'actions' }, actions),
    ),
    children,
  );
}

/** A part of a page with a heading. */
export function section(title: string, { actions = [] as readonly Child[] } = {}, ...children: readonly Child[]) {
  return h(
    'section',
    { class: 'panel' },
    h(
      'div',
      { class: 'panel-head' },
      h('h2', {}, title),
      actions.length > 0 && h('div', { class: 'actions' }, actions),
    ),
    children,
  );
}

/** Nothing there yet, and what to do about it. */
export function empty(title: string, ...help: readonly Child[]): HTMLElement {
  return h('div', { class: 'empty' }, h('p', { class: 'empty-title' }, title), help.length > 0 && h('p', {}, help));
}

/** What went wrong, and what to do. */
export function failure(error: unknown, retry: (() => void) | null = null): HTMLElement {
  const message = error instanceof Error ? error.message : String(error);
  return h(
    'div',
    { class: 'failure', role: 'alert' },
    h('p', {}, message),
    retry && h('button', { type: 'button', onclick: retry }, 'Try again'),
  );
}

export type Tone = 'good' | 'bad' | 'warn' | 'plain';

export function badge(text: string, tone: Tone = 'plain'): HTMLElement {
  return h('span', { class: `badge ${tone}` }, text);
}

/** One of many alike, each with what it is about for those who cannot see its row. */
export function rowButton(text: string, about: string, onclick: () => void): HTMLElement {
  return h('button', { type: 'button', class: 'link', 'aria-label': `${text} ${about}`, onclick }, text);
}

export function button(text: string, onclick: () => void, kind: 'plain' | 'main' | 'danger' | 'link' = 'plain') {
  return h('button', { type: 'button', class: kind, onclick }, text);
}

export function link(href: string, ...children: readonly Child[]): HTMLAnchorElement {
  return h('a', { href }, children);
}

/** Names beside values. */
export function facts(pairs: readonly (readonly [name: string, value: Child])[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

/** A share from 0 to 1 as a bar. */
export function bar(label: string, share: number): HTMLElement {
  return h('meter', { min: 0, max: 1, value: Math.max(0, Math.min(1, share)), 'aria-label': label });
}
