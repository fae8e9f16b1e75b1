import { type Child, h, rememberFocus, valuesOf } from '../dom.js';
import { button, failure } from './layout.js';

export interface DialogOptions {
  readonly title: string;
  /** What happens when it is confirmed. */
  readonly text?: Child;
  readonly fields?: readonly Child[];
  /** On the button that does it. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Does it; what it throws is shown, and the dialog stays. */
  readonly submit: (values: ReturnType<typeof valuesOf>) => Promise<unknown>;
}

let dialogs = 0;

/** Asks in a dialog; the focus goes back to where it was. @returns whether it was done */
export function ask({
  title,
  text,
  fields = [],
  action,
  isDangerous = false,
  submit,
}: DialogOptions): Promise<boolean> {
  const id = `dialog-${++dialogs}`;
  const trouble = h('div', {});
  const confirm = h('button', { type: 'submit', class: isDangerous ? 'danger' : 'main' }, action);
  const form = h(
    'form',
    { novalidate: false },
    h('h2', { id }, title),
    text && h('p', {}, text),
    fields,
    trouble,
    h(
      'div',
      { class: 'actions end' },
      button('Cancel', () => dialog.close()),
      confirm,
    ),
  );
  const dialog = h('dialog', { 'aria-labelledby': id }, form);
  let isDone = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    trouble.replaceChildren();
    try {
      await submit(valuesOf(form));
      isDone = true;
      dialog.close();
    } catch (error) {
      trouble.replaceChildren(failure(error));
    } finally {
      confirm.disabled = false;
    }
  });
  // The page behind it may be shown anew meanwhile.
  const giveBack = rememberFocus();
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      giveBack();
      resolve(isDone);
    });
  });
}
