import t from 'tap';
import { removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';
import { commandsOf, shell } from './tour.js';

/** What a reader should see of each command, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /chatcmpl-\w+ northwind-bank@1 weight/,
  /"groundedness":0\.9.*"citation_validity":1.*"refused":false.*"mean_logprob":/s,
  /30 +- +yes\n.*"rating":"down"/s,
  /chatcmpl-\w+.*thumbs_down, correction/,
  /accepted +incomplete[\s\S]*I am \[email\].*"reviewer":"key_/,
  /northwind-bank@1 +1 +0\.9\d+ +100\.0 %[\s\S]*THUMBS_DOWN|THUMBS_DOWN[\s\S]*northwind-bank@1 +1 +0\.9/,
  /DELETED\n +1/,
];

t.test('the tour of the guide to quality works as written, on the real model', async (t) => {
  const commands = commandsOf('docs/guides/quality.md', '## A tour');
  t.equal(commands.length, EXPECTED.length, 'each command has something to show');
  const dataDir = temporaryDataDir();
  const gateway = await startGateway(dataDir, { SWITCHYARD_MODELS_BASE: 'qwen2.5-coder-0.5b-instruct' });
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });
  for (const [i, command] of commands.entries()) t.match(await shell(command, gateway), EXPECTED[i]!, command);
});
