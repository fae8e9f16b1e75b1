import t from 'tap';
import { removeDataDir, startAsShipped } from './gateway-process.js';
import { indexedDataDir } from './indexed-documents.js';
import { commandsOf, shell } from './tour.js';

/** What a reader should see of each command, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /"file_citation"/,
  /\S+/,
  /"text":\s*"ius/,
  /x-adapter: northwind-bank@2[\s\S]*"object":\s*"chat.completion"/i,
  /25[\s\S]*(stable|2)/,
  /parking\.md[\s\S]*45/,
  /switchyard_requests_total\{.*adapter="northwind-bank@2".*\} [1-9]/,
];

const commands = commandsOf('README.md', '## Five-minute tour');

t.test('what README and the start say works as written', async (t) => {
  const dataDir = await indexedDataDir();
  const gateway = await startAsShipped(dataDir);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });

  const printed = gateway.output().match(/^curl .*$/gm) ?? [];
  t.equal(printed.length, 2, 'the start prints a command for each sample tenant');
  for (const command of printed) t.match(await shell(command, gateway), /"object":\s*"chat.completion"/, command);

  t.equal(commands.length, EXPECTED.length, 'each command of the tour has something to show');
  for (const [i, command] of commands.entries()) t.match(await shell(command, gateway), EXPECTED[i]!, command);

  t.equal(await gateway.stop(), 0, 'a signal ends it in order');
});
