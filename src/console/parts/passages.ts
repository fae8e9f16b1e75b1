import { h } from '../dom.js';
import { score as scoreText } from '../format.js';
import { bar } from './layout.js';

export interface ShownPassage {
  readonly title: string;
  readonly text: string;
  /** null: not known. */
  readonly score: number | null;
  /** What stands for it in an answer, as `[1]`. */
  readonly marker?: string;
}

/** Passages with their scores, in their order. */
export function passageList(passages: readonly ShownPassage[]): HTMLElement {
  return h(
    'ol',
    { class: 'passages' },
    passages.map(({ title, text, score, marker }) =>
      h(
        'li',
        { class: 'passage', 'data-marker': marker ?? null, tabindex: marker === undefined ? null : -1 },
        h('p', {}, marker !== undefined && [h('strong', {}, marker), ' '], h('strong', {}, title)),
        score !== null && h('p', { class: 'hint' }, `Score ${scoreText(score)} `, bar(`score of ${title}`, score)),
        h('div', { class: 'passage-text', tabindex: 0, role: 'group', 'aria-label': `Text of ${title}` }, text),
      ),
    ),
  );
}

/** Shows which passage a marker is of. */
export function markPassage(within: ParentNode, marker: string): void {
  for (const passage of within.querySelectorAll<HTMLElement>('.passage')) {
    const isIt = passage.dataset.marker === marker;
    passage.classList.toggle('marked', isIt);
    if (isIt) passage.focus();
  }
}
