/** Every page, and every button that changes something, on a phone and on a desktop, over a real gateway and model. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { dataPolicy } from '../fixtures/data-policy.js';
import { keyOf, startGateway, TENANTS } from '../fixtures/gateway/gateway.js';
import { writePeftAdapter } from '../fixtures/gateway/peft-adapter.js';
import { openConsole } from './browser.js';

type Tenant = (typeof TENANTS)[number];
/** Each shape works on a tenant of its own. */
const SHAPES: Readonly<Record<Tenant, { isPhone: boolean; isDark: boolean }>> = {
  bank: { isPhone: false, isDark: false },
  shop: { isPhone: true, isDark: true },
};
const DOCUMENT = '# Fees\n\nThe account costs 7 EUR a month.\n';
/** A file of so many questions without an answer. */
const questions = (count: number) => {
  const line = (_: unknown, n: number) =>
    JSON.stringify({ id: `q${n}`, question: `What is the boiling point of metal number ${n}?`, answerable: false });
  const content = Array.from({ length: count }, line).join('\n');
  return { name: 'metals.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(content) };
};

t.test('the console', async (t) => {
  const gateway = await startGateway(t, {}, ['inference', 'documents', 'route', 'admin']);
  for (const tenant of TENANTS) {
    const { isPhone, isDark } = SHAPES[tenant];
    await t.test(`${isPhone ? 'on a phone' : 'on a desktop'}, ${isDark ? 'dark' : 'light'}`, (t) =>
      useConsole(t, gateway, tenant),
    );
  }
});

type Gateway = Awaited<ReturnType<typeof startGateway>>;

async function useConsole(t: Test, { address, config, shape }: Gateway, tenant: Tenant): Promise<void> {
  const console = await openConsole(t, address, SHAPES[tenant]);
  const { page, errors, button, dialog, change, check, visit, addKey, says } = console;
  const at = `deployments/${tenant}/assistant`;
  const deployment = async () => {
    const headers = { authorization: `Bearer ${keyOf(tenant)}` };
    const url = `${address}/admin/tenants/${tenant}/deployments/assistant`;
    return (await fetch(url, { headers })).json() as Promise<{
      stableVersion: number;
      canaryVersion: number | null;
      canaryWeight: number;
      rollout: { step: number; status: string } | null;
    }>;
  };

  await t.test('a wrong key is refused, a right one opens the overview', async (t) => {
    await check('the sign-in page');
    await addKey('sk-wrong', 'Sign in');
    await page.getByRole('alert').getByText(/key/).waitFor();
    await addKey(keyOf(tenant), 'Sign in');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    t.notMatch(page.url(), keyOf(tenant));
  });

  await t.test('every page is reached from the menu, and axe finds nothing on it', async () => {
    const names = [
      'Overview',
      'Deployments',
      'Adapters',
      'Evaluations',
      'Playground',
      'Documents',
      'Reviews',
      'Quality',
      'Usage',
      'Tenants',
      'Models',
      'Keys of this tab',
    ];
    for (const name of names) {
      if (SHAPES[tenant].isPhone) await button('Menu').click();
      await page.getByRole('link', { name, exact: true }).first().click();
      await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
      await check(name);
    }
  });

  await t.test('a dialog opens and closes by keyboard, and gives the focus back', async (t) => {
    await visit('tenants', 'Tenants');
    await button('Create a tenant').focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    t.equal(await button('Create a tenant').evaluate((element) => element.matches(':focus')), true);
  });

  await t.test('a tenant and its keys are made and revoked, its data policy is kept', async (t) => {
    await change('Create a tenant', { Id: `new-${tenant}`, Name: 'New', Reason: 'a trial' }, 'Create the tenant');
    await page.getByRole('heading', { level: 1, name: `new-${tenant}` }).waitFor();
    await button('Create a key').click();
    await dialog.getByLabel('Label').fill('app');
    await button('Create the key', dialog).click();
    await dialog.getByText('The key, shown this once').waitFor();
    const secret = (await dialog.locator('.secret').textContent())!;
    await check('the dialog with the secret');
    await button('Use it in this tab', dialog).click();
    await says('The key is held by this tab.');
    const ask = () => fetch(`${address}/v1/key`, { headers: { authorization: `Bearer ${secret}` } });
    t.match(await (await ask()).json(), { tenant: `new-${tenant}`, scopes: ['inference'] });
    await button('Rotate app').click();
    await dialog.getByLabel('Hours that the secret of before').fill('0');
    await button('Rotate', dialog).click();
    await dialog.getByText('The key, shown this once').waitFor();
    const rotated = (await dialog.locator('.secret').textContent())!;
    await button('Cancel', dialog).click();
    await says('The key has another secret.');
    t.equal((await ask()).status, 401, 'the secret of before opens nothing');
    t.equal((await fetch(`${address}/v1/key`, { headers: { authorization: `Bearer ${rotated}` } })).status, 200);
    await change('Rename', { Name: 'Renamed' }, 'Rename');
    await page.getByText('Renamed. See its').waitFor();
    await change('Revoke app', {}, 'Revoke');
    await page.getByText('revoked', { exact: true }).waitFor();
    t.equal((await ask()).status, 401);
    await page.getByLabel('Days that records of answers are kept').fill('30');
    await page.getByLabel('Corrected answers may be kept').check();
    await page.getByLabel('Percent of the answers whose texts are kept').fill('5');
    await change('Save the data policy', {}, 'Save');
    await says('The data policy is saved.');
    await page.getByLabel('Requests a minute').fill('40');
    await change('Save the limits', {}, 'Save');
    await says('The limits are saved.');
    await page.reload();
    t.equal(await page.getByLabel('Days that records of answers are kept').inputValue(), '30');
    t.equal(await page.getByLabel('Corrected answers may be kept').isChecked(), true);
    t.equal(await page.getByLabel('Percent of the answers whose texts are kept').inputValue(), '5');
    t.equal(await page.getByLabel('Requests a minute').inputValue(), '40');
    await check('the page of a tenant');
  });

  await t.test('a key is made for the tab where a page lacks one, copied, forgotten and added again', async (t) => {
    await visit(`documents/new-${tenant}`, 'Documents');
    await check('a page that lacks a key');
    await change('Create a key for this tab', {}, 'Create the key');
    await page.getByText('No vector store yet.').waitFor();
    await visit(`tenants/new-${tenant}`, `new-${tenant}`);
    await button('Create a key').click();
    await dialog.getByLabel('Label').fill('copied');
    await button('Create the key', dialog).click();
    const secret = (await dialog.locator('.secret').textContent())!;
    await button('Copy', dialog).click();
    await says('Copied.');
    t.equal(await page.evaluate('navigator.clipboard.readText()'), secret);
    await button('Cancel', dialog).click();
    await visit('session', 'Keys of this tab');
    const held = page.getByRole('cell', { name: `new-${tenant}`, exact: true });
    for (let left = await held.count(); left > 0; left--) {
      await button(`Forget the key of new-${tenant}`).first().click();
      await held.nth(left - 1).waitFor({ state: 'detached' });
    }
    await addKey(secret, 'Add the key');
    await held.waitFor();
    await check('keys of the tab');
  });

  await t.test('an adapter version is added; one that is none is refused with the reason', async (t) => {
    const folder = writePeftAdapter(join(config.dataDir, `${tenant}-3`), shape, tenant === 'bank' ? 13 : 23);
    await visit(`adapters/${tenant}`, 'Adapters');
    await change('Add a version', { Name: 'support', Folder: folder }, 'Add the version');
    await page.getByText('support@3').waitFor();
    await button('Add a version').click();
    await dialog.getByLabel('Name').fill('support');
    await dialog.getByLabel('Folder').fill('/nowhere');
    await button('Add the version', dialog).click();
    t.match(await dialog.getByRole('alert').textContent(), /nowhere/);
    await button('Cancel', dialog).click();
    await check('adapters with three versions');
  });

  await t.test('a version shows where it comes from, and is quarantined, approved and revoked', async (t) => {
    const folder = writePeftAdapter(join(config.dataDir, `${tenant}-4`), shape, tenant === 'bank' ? 14 : 24);
    await change('Add a version', { Name: 'trial', Folder: folder }, 'Add the version');
    await page.getByRole('link', { name: 'trial@1' }).click();
    await page.getByRole('heading', { level: 1, name: 'trial@1' }).waitFor();
    const status = () => page.locator('.facts .badge').first().textContent();
    t.equal(await status(), 'candidate');
    await page.getByRole('heading', { name: 'Lineage' }).waitFor();
    await page.locator('.card', { hasText: 'trial' }).waitFor();
    await check('a version of an adapter');
    await change('Quarantine', { Reason: 'it makes things up' }, 'Quarantine');
    await says('trial@1 is quarantined.');
    await page.getByText('it makes things up').first().waitFor();
    t.equal(await status(), 'quarantined');
    await change('Retire', { Reason: 'out of use' }, 'Retire');
    await says('trial@1 is retired.');
    await change('Approve', {}, 'Approve');
    await says('trial@1 is approved.');
    await change('Revoke', {}, 'Revoke');
    await says('trial@1 is revoked.');
    t.equal(await status(), 'revoked');
    t.equal(await button('Approve').count(), 0, 'for good');
  });

  await t.test(
    'a rollout is begun, paused, resumed, advanced and rolled back; a canary is set, changed and promoted',
    async (t) => {
      await visit(at, 'assistant');
      await change('Roll back', {}, 'Roll back');
      await says('Rolled back.');
      t.match(await deployment(), { stableVersion: 1, canaryVersion: null });
      await change(
        'Start a rollout',
        { Version: '3', Steps: '10, 50, 100', 'Minutes at each step': '60' },
        'Start the rollout',
      );
      await page.getByText('50 %', { exact: true }).waitFor();
      t.match(await deployment(), { canaryVersion: 3, canaryWeight: 10, rollout: { status: 'running' } });
      await page.getByRole('heading', { name: 'Evidence in what is critical' }).waitFor();
      await check('a deployment with a rollout');
      await change('Pause', { Reason: 'lunch' }, 'Pause');
      t.match((await deployment()).rollout, { status: 'paused' });
      await change('Resume', {}, 'Resume');
      await button('Pause').waitFor();
      await change('Advance', {}, 'Advance');
      t.match(await deployment(), { canaryWeight: 50, rollout: { step: 1 } });
      await page.getByText('lunch').waitFor();
      await change('Roll back', {}, 'Roll back');
      await button('Set a canary').waitFor();
      // What was rolled back first is quarantined.
      await visit(`adapters/${tenant}/support%402`, 'support@2');
      await change('Approve', {}, 'Approve');
      await says('support@2 is approved.');
      await visit(at, 'assistant');
      await change('Set a canary', { Version: '2', Share: '5' }, 'Set the canary');
      await change('Change the share', { Share: '20' }, 'Change the share');
      t.match(await deployment(), { stableVersion: 1, canaryVersion: 2, canaryWeight: 20 });
      await change('Promote', { Reason: 'it is better' }, 'Promote');
      t.match(await deployment(), { stableVersion: 2, canaryVersion: null });
      await page.getByText('it is better').waitFor();
      await check('a deployment with a history');
    },
  );

  await t.test('an experiment shows how its arms compare, until it is ended', async (t) => {
    const headers = { authorization: `Bearer ${keyOf(tenant)}`, 'content-type': 'application/json' };
    const url = `${address}/admin/tenants/${tenant}/deployments/assistant/experiment`;
    const arms = ['as-is', 'brief'].map((name) => ({ name, weight: 50 }));
    await fetch(url, { method: 'POST', headers, body: JSON.stringify({ goal: 'cost', arms }) });
    await page.getByRole('heading', { name: 'How the arms compare now' }).waitFor();
    await page.getByText('as-is 50 %, brief 50 %').waitFor();
    await check('a deployment with an experiment');
    await fetch(`${url}/stop`, { method: 'POST', headers });
    await page.getByText('Experiment ended').waitFor();
    t.equal(await page.getByRole('heading', { name: 'How the arms compare now' }).count(), 0);
  });

  await t.test('a change is refused where somebody else made one meanwhile', async (t) => {
    await button('Set a canary').click();
    await dialog.getByLabel('Share').fill('30');
    const headers = { authorization: `Bearer ${keyOf(tenant)}`, 'content-type': 'application/json' };
    const url = `${address}/admin/tenants/${tenant}/deployments/assistant/canary`;
    await fetch(url, { method: 'POST', headers, body: '{"version":1,"weight":7}' });
    await button('Set the canary', dialog).click();
    t.match(await dialog.getByRole('alert').textContent(), /revision/);
    await button('Cancel', dialog).click();
    t.match(await deployment(), { canaryWeight: 7 });
  });

  await t.test('a version is evaluated, and shows what came of it and what was wrong', async (t) => {
    await visit(`adapters/${tenant}/support%402`, 'support@2');
    await button('Evaluate').click();
    const file = dialog.getByLabel('Questions', { exact: true });
    await file.setInputFiles({ ...questions(1), buffer: Buffer.from('{') });
    await button('Start the evaluation', dialog).click();
    t.match(await dialog.getByRole('alert').textContent(), /metals\.jsonl:1 is not JSON/);
    await file.setInputFiles(questions(8));
    await dialog.getByLabel('Of these, at most').fill('4');
    await dialog.getByLabel('Passages', { exact: true }).selectOption('off');
    await dialog.getByLabel('Name of the report').fill('Metals');
    await check('the dialog of an evaluation');
    await button('Start the evaluation', dialog).click();
    await page.getByRole('heading', { level: 1, name: 'Metals' }).waitFor();
    await page.getByRole('heading', { name: 'Figures' }).waitFor();
    await says(/^Metals of support@2 is completed: .*right refusals \d+\.\d %/);
    const facts = await page.locator('.facts').allTextContents();
    t.match(facts.join(), /4 of 4.*without passages.*Questions4/s);
    const answers = page.getByRole('region', { name: 'Answers' });
    const worth = (word: string) => answers.getByText(word, { exact: true }).count();
    const [right, wrong] = [await worth('right'), await worth('wrong')];
    t.equal(right + wrong, 4);
    await check('an evaluation');
    await page.getByLabel('Shown').selectOption('wrong');
    t.same([await worth('right'), await worth('wrong')], [0, wrong]);
    await visit(`adapters/${tenant}/support%402`, 'support@2');
    await page.getByRole('cell', { name: 'Metals' }).waitFor();
  });

  await t.test('an evaluation is seen to move, and is called off', async (t) => {
    await visit(`evaluations/${tenant}`, 'Evaluations');
    await page.getByRole('cell', { name: 'completed' }).waitFor();
    await button('Start an evaluation').click();
    await dialog.getByLabel('Version').selectOption('support@1');
    await dialog.getByLabel('Questions', { exact: true }).setInputFiles(questions(400));
    await dialog.getByLabel('Name of the report').fill('Long');
    await button('Start the evaluation', dialog).click();
    await page.getByText(/^asking, [1-9]\d* %, about \d+ (s|min) left$/).waitFor();
    await check('evaluations, one under way');
    const scrollOf = () => page.evaluate<number>('document.querySelector(".scroll").scrollLeft');
    const cancel = button('Cancel Long of support@1');
    await cancel.focus();
    const scrolled = await scrollOf();
    if (SHAPES[tenant].isPhone) t.ok(scrolled > 0, 'the button is behind the figures');
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await page.evaluate("document.querySelector('td').id = 'before'");
    await page.locator('#before').waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    t.equal(await cancel.evaluate((element) => element.matches(':focus')), true, 'although it is a new one');
    t.equal(await scrollOf(), scrolled);
    await change('Cancel Long of support@1', { Reason: 'too long' }, 'Cancel the evaluation');
    await says('Long of support@1 is cancelled.');
    await page.getByRole('cell', { name: 'cancelled' }).waitFor();
  });

  await t.test('a model is imported, for the next start; one under way shows how far it is', async (t) => {
    await visit('models', 'Models');
    await page.getByRole('row', { name: 'smollm2-135m-instruct' }).getByText('in use').first().waitFor();
    await button('Import a model').click();
    await dialog.getByLabel('Model', { exact: true }).fill('nothing');
    await button('Import the model', dialog).click();
    t.match(await dialog.getByRole('alert').textContent(), /nothing is not known/);
    await button('Cancel', dialog).click();
    const imports = page.getByRole('region', { name: 'Imports' });
    const before = await imports.getByText('completed').count();
    await change('Import a model', { Model: 'smollm2-135m-instruct' }, 'Import the model');
    await imports.getByText('completed').nth(before).waitFor();
    const one = {
      ...{ id: 'job_1', model: 'hub:owner/tiny', as: 'mine', status: 'running', attempts: 1, progress: 0.45 },
      ...{ detail: 'Hugging Face Hub owner/tiny', bytes: { done: 50e6, total: 100e6 }, error: null },
      ...{ createdAt: Date.now(), startedAt: Date.now(), finishedAt: null },
    };
    const all = `${address}/admin/models/imports`;
    await page.route(all, (route) => route.fulfill({ json: { data: [one], next: null } }));
    await page.route(`${all}/job_1/cancel`, (route) => {
      one.status = 'cancelled';
      return route.fulfill({ json: one });
    });
    await page.getByText('Hugging Face Hub owner/tiny, 45 %, 50.0 MB of 100 MB').waitFor();
    await check('models, an import under way');
    await change('Cancel mine', {}, 'Cancel the import');
    await says('The import of mine is cancelled.');
    await page.unrouteAll();
  });

  await t.test('a document is uploaded, read, found and deleted', async (t) => {
    await visit(`documents/${tenant}`, 'Documents');
    await change('Create a store', { Name: 'Handbook' }, 'Create the store');
    await page
      .getByLabel('Documents', { exact: true })
      .setInputFiles({ name: 'fees.md', mimeType: 'text/markdown', buffer: Buffer.from(DOCUMENT) });
    await says(/1 of 1 documents/);
    await page.getByRole('cell', { name: 'completed' }).waitFor();
    await page.getByLabel('Question or words').fill('What does the account cost?');
    await page.keyboard.press('Enter');
    const results = page.getByRole('region', { name: 'Search results' });
    await results.getByText('The account costs 7 EUR a month.').waitFor();
    await check('documents with search results');
    await page
      .getByLabel('Documents', { exact: true })
      .setInputFiles({ name: 'x.zip', mimeType: 'application/zip', buffer: Buffer.from('PK') });
    t.match(await page.getByRole('alert').textContent(), /^x\.zip: /);
  });

  await t.test(
    'the playground streams an answer, shows its passages and its receipt, and can be stopped',
    async (t) => {
      await visit(`playground/${tenant}`, 'Playground');
      await page.getByLabel('Canary').selectOption('never');
      await page.getByLabel('Tokens at most').fill('12');
      await page.getByLabel('Message').fill('What does the account cost?');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Receipt' }).waitFor();
      await page.locator('.passage', { hasText: 'The account costs 7 EUR a month.' }).waitFor();
      await page.getByText('support@2', { exact: true }).waitFor();
      t.match(await page.locator('.facts').textContent(), /stable, by header/);
      await check('the playground with an answer');
      await button('Good answer').click();
      await says('Noted.');
      await button('New conversation').click();
      await page.getByLabel('Message').fill('And what does a card cost?');
      await button('Ask').click();
      await button('Bad answer').click();
      await says('Noted.');
      await button('New conversation').click();
      await page.getByLabel('Tokens at most').fill('500');
      await page.getByLabel('Message').fill('Tell me a long story.');
      await button('Ask').click();
      await button('Stop').click();
      await page.getByText('stopped', { exact: true }).waitFor();
      await button('Ask').waitFor();
    },
  );

  await t.test('answers wait for a reviewer, and no longer once they were reviewed', async (t) => {
    const headers = { authorization: `Bearer ${keyOf(tenant)}`, 'content-type': 'application/json' };
    const post = async (url: string, body: object) =>
      (await fetch(`${address}${url}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    for (const content of ['What is a loan?', 'What is a card?']) {
      const messages = [{ role: 'user', content }];
      const answer = await post('/v1/chat/completions', { model: 'assistant', max_tokens: 4, messages });
      await post('/v1/feedback', { answer_id: (answer as { id: string }).id, rating: 'down' });
    }
    // Without it nothing that was corrected is kept.
    const consent = JSON.stringify(dataPolicy({ trainingConsent: true }));
    await fetch(`${address}/admin/tenants/${tenant}/data-policy`, { method: 'PUT', headers, body: consent });
    await visit(`reviews/${tenant}`, 'Reviews');
    await page.getByText('Thumbs down', { exact: true }).last().waitFor();
    await check('reviews');
    await page.getByLabel('Because of').selectOption('thumbs_down');
    const waiting = (place: number) => button('Reject').nth(place);
    await waiting(2).waitFor();
    t.equal(await button('Reject').count(), 3);
    await button('Accept').first().click();
    await button('Accepted', dialog).click();
    await says('The review is kept.');
    await waiting(2).waitFor({ state: 'detached' });
    await button('Correct').first().click();
    await dialog.getByLabel('Question').fill('What is a card?');
    await dialog.getByLabel('Right answer').fill('A means to pay.');
    await check('the dialog of a correction');
    await button('Corrected', dialog).click();
    await waiting(1).waitFor({ state: 'detached' });
    await button('Reject').first().click();
    await dialog.getByLabel('wrong', { exact: true }).check();
    await dialog.getByLabel('Note').fill('It makes things up.');
    await check('the dialog of a review');
    await button('Rejected', dialog).click();
    await says('The review is kept.');
    await page.getByText('Nothing waits.').waitFor();
  });

  await t.test('overview and quality tell of the answer', async (t) => {
    await visit(`quality/${tenant}`, 'Quality');
    await page.getByRole('region', { name: 'Quality by version' }).getByText('support@2').waitFor();
    await visit(`tenants/${tenant}`, tenant);
    await page
      .getByRole('region', { name: `Usage of ${tenant}` })
      .getByText('support@2')
      .first()
      .waitFor();
    await visit(`usage/${tenant}`, 'Usage');
    await page.getByRole('cell', { name: 'support@2' }).first().waitFor();
    await check('the usage of a tenant');
    await visit('overview', 'Overview');
    await page.getByRole('region', { name: 'Traffic by version' }).getByText(tenant).first().waitFor();
    t.equal(await page.locator('.plot canvas').count(), 4, 'four charts are drawn');
    await check('overview with traffic');
  });

  await t.test('a document is deleted, a key forgotten, and after signing out nothing is left', async (t) => {
    await visit(`documents/${tenant}`, 'Documents');
    await change('Delete fees.md', {}, 'Delete');
    await says('fees.md was deleted.');
    await page.getByText('No documents yet.').waitFor();
    await visit('session', 'Keys of this tab');
    await button('Sign out').click();
    await page.getByRole('heading', { level: 1, name: 'Sign in with an API key' }).waitFor();
    t.equal(await page.evaluate('sessionStorage.length'), 0);
  });

  await t.test('a key of a tenant alone sees its playground and documents, and no pages of operators', async (t) => {
    const headers = { authorization: `Bearer ${keyOf(tenant)}`, 'content-type': 'application/json' };
    const body = '{"label":"app","scopes":["inference","documents"]}';
    const made = await fetch(`${address}/admin/tenants/${tenant}/keys`, { method: 'POST', headers, body });
    await addKey(((await made.json()) as { secret: string }).secret, 'Sign in');
    await page.getByRole('heading', { level: 1, name: 'Keys of this tab' }).waitFor();
    if (SHAPES[tenant].isPhone) await button('Menu').click();
    t.same(await page.getByRole('navigation').getByRole('link').allTextContents(), [
      'Playground',
      'Documents',
      'Usage',
      'Keys of this tab',
    ]);
    await visit(`playground/${tenant}`, 'Playground');
    await page.getByLabel('Message').waitFor();
    t.equal(await page.getByLabel('Canary').count(), 0, 'without the scope route there is no choice of the arm');
  });

  t.same(errors, [], 'the browser logged no error, and its policy refused nothing');
}
