import { type Child, h } from '../dom.js';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => Child;
  readonly isNumber?: boolean;
  /** Its title is for screen readers alone. */
  readonly isAction?: boolean;
}

/** A table that scrolls within itself where the screen is narrow; `nothing` stands in the place of no rows. */
export function table<T>(
  caption: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
  nothing: Child,
): HTMLElement {
  if (rows.length === 0) return h('div', {}, nothing);
  const kind = ({ isNumber }: Column<T>) => (isNumber ? 'number' : null);
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, caption),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columns.map((column) => h('th', { scope: 'col', class: kind(column) }, headOf(column))),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            columns.map((column) => h('td', { class: kind(column) }, column.cell(row))),
          ),
        ),
      ),
    ),
  );
}

function headOf<T>({ title, isAction }: Column<T>): Child {
  return isAction ? h('span', { class: 'hidden' }, title) : title;
}
