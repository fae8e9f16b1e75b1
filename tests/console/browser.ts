/** A real Chromium on a real gateway. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Locator, type Page } from 'playwright-core';
import type { Test } from 'tap';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
/** Answers are computed by a real model, on whatever machine this is. */
const PATIENCE_MS = 60_000;

export interface Shape {
  readonly isPhone: boolean;
  readonly isDark: boolean;
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** The console on a screen of that shape. Whatever it logs as an error fails the test, also what its policy refuses. */
export async function openConsole(t: Test, address: string, { isPhone, isDark }: Shape) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM!, args: ['--no-sandbox'] });
  t.teardown(() => browser.close());
  const context = await browser.newContext({
    viewport: isPhone ? PHONE : DESKTOP,
    hasTouch: isPhone,
    colorScheme: isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => {
    // A refused request is an answer, which the page shows.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(message.text());
  });
  await page.goto(`${address}/console`);
  return { page, errors, ...handsOn(t, page, address) };
}

function handsOn(t: Test, page: Page, address: string) {
  const button = (name: string | RegExp, within: Page | Locator = page) =>
    within.getByRole('button', { name, exact: typeof name === 'string' });
  const dialog = page.getByRole('dialog');

  /** Presses the button, fills in the dialog that opens, and confirms it. */
  async function change(opens: string, fields: Readonly<Record<string, string>>, confirms: string): Promise<void> {
    await button(opens).click();
    for (const [label, value] of Object.entries(fields)) {
      const field = dialog.getByLabel(label, { exact: true });
      if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(value);
      else await field.fill(value);
    }
    await check(`the dialog of ${opens}`);
    await button(confirms, dialog).click();
    const refused = dialog.getByRole('alert');
    await Promise.race([dialog.waitFor({ state: 'detached' }), refused.waitFor().catch(() => {})]);
    if ((await refused.count()) > 0) throw new Error(`${opens}: ${await refused.textContent()}`);
  }

  /** What axe finds, and anything that is wider than the screen. */
  async function check(what: string): Promise<void> {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()');
    t.same(
      violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`),
      [],
      `axe finds nothing on ${what}`,
    );
    const root = 'document.documentElement';
    t.equal(await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`), 0, `${what} is as wide as the screen`);
  }

  async function visit(hash: string, heading: string): Promise<void> {
    await page.goto(`${address}/console/#/${hash}`);
    const title = page.getByRole('heading', { level: 1, name: heading, exact: true });
    await title.waitFor();
    t.equal(await title.evaluate((element) => element.matches(':focus')), true, `${heading} has the focus`);
  }

  async function addKey(key: string, confirms: string): Promise<void> {
    await page.getByLabel('Key', { exact: true }).fill(key);
    await button(confirms).click();
  }

  const says = (text: string | RegExp) => page.getByRole('status').getByText(text).first().waitFor();
  return { button, dialog, change, check, visit, addKey, says };
}
