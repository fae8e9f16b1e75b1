import { type Child, h, type Props } from '../dom.js';

let fields = 0;

/** A labelled control with its hint. */
function labelled(label: string, hint: Child, build: (ids: Props) => HTMLElement): HTMLElement {
  const id = `field-${++fields}`;
  const describedBy = hint ? `${id}-hint` : null;
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    build({ id, 'aria-describedby': describedBy }),
    hint && h('p', { class: 'hint', id: describedBy }, hint),
  );
}

export function input(label: string, props: Props, hint: Child = null): HTMLElement {
  return labelled(label, hint, (ids) => h('input', { type: 'text', autocomplete: 'off', ...props, ...ids }));
}

export function area(label: string, props: Props, value = '', hint: Child = null): HTMLElement {
  return labelled(label, hint, (ids) => h('textarea', { rows: 4, ...props, ...ids }, value));
}

export function select(
  label: string,
  props: Props,
  options: readonly (readonly [value: string, text: string])[],
  chosen: string | null = null,
  hint: Child = null,
): HTMLElement {
  return labelled(label, hint, (ids) =>
    h(
      'select',
      { ...props, ...ids },
      options.map(([value, text]) => h('option', { value, selected: value === chosen }, text)),
    ),
  );
}

export function checkbox(label: string, props: Props): HTMLElement {
  return h('label', { class: 'check' }, h('input', { type: 'checkbox', ...props }), h('span', {}, label));
}

/** Boxes of which any number may be ticked, all of one name. */
export function checkboxes(legend: string, name: string, values: readonly string[], ticked: readonly string[] = []) {
  return h(
    'fieldset',
    { class: 'field' },
    h('legend', {}, legend),
    h(
      'div',
      { class: 'checks' },
      values.map((value) => checkbox(value, { name, value, checked: ticked.includes(value) })),
    ),
  );
}

/** Why something is changed; it goes into the audit log. */
export const reasonField = () =>
  input('Reason', { name: 'reason', maxlength: 1000 }, 'Kept in the audit log. May be left out.');

/** The header that takes it there. */
export function reasonHeader(reason: string): Record<string, string> {
  return reason === '' ? {} : { 'x-reason': encodeURIComponent(reason) };
}
