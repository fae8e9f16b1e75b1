/** Elements without a framework. Texts only ever become text: nothing here parses markup. */

export type Child = Node | string | number | null | undefined | false | readonly Child[];
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Props = Readonly<Record<string, Value>>;

/** An element with its attributes, listeners (`onclick`, …) and children; false and null leave an attribute out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  append(element, children);
  return element;
}

function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child);
    else if (child instanceof Node) parent.appendChild(child);
    else if (child !== null && child !== undefined && child !== false) parent.appendChild(text(`${child}`));
  }
}

/** Puts something else into an element. What stands there for the same has the focus, and is scrolled, as before. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  const giveBack = parent.contains(document.activeElement) ? rememberFocus(parent) : null;
  const scrolled = new Map(scrollersOf(parent).map((element) => [nameOf(element), element.scrollLeft]));
  parent.replaceChildren();
  append(parent, children);
  for (const element of scrollersOf(parent)) element.scrollLeft = scrolled.get(nameOf(element)) ?? 0;
  giveBack?.();
}

/** @returns gives the focus to what stands there for what has it now, where that was replaced */
export function rememberFocus(within: ParentNode = document): () => void {
  const focused = document.activeElement;
  return () => {
    if (focused === null || focused.isConnected) return;
    const name = nameOf(focused);
    const same = [...within.querySelectorAll<HTMLElement>('a, button, input, select, summary, [tabindex]')];
    same.find((element) => nameOf(element) === name)?.focus({ preventScroll: true });
  };
}

function scrollersOf(parent: Element): Element[] {
  return [...parent.querySelectorAll('.scroll')];
}

function nameOf(element: Element): string {
  return `${element.tagName} ${element.getAttribute('aria-label') ?? element.textContent} ${element.getAttribute('href')}`;
}

function text(value: string): Text {
  return document.createTextNode(value);
}

/** What a form's fields say, by their names; several of one name are in `all`. */
export function valuesOf(form: HTMLFormElement) {
  const data = new FormData(form);
  return {
    text: (name: string) => String(data.get(name) ?? '').trim(),
    number: (name: string) => {
      const given = String(data.get(name) ?? '').trim();
      return given === '' ? null : Number(given);
    },
    /** Of a field for a file, which has to be required. */
    file: (name: string) => data.get(name) as File,
    has: (name: string) => data.has(name),
    all: (name: string) => data.getAll(name).map(String),
  };
}
