import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';
import { removeDataDir, startGateway } from './gateway-process.js';
import { indexedDataDir } from './indexed-documents.js';
import { commandsOf, shell } from './tour.js';

/** What a reader should see of each command, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /chatcmpl-\w+ northwind-bank@1 weight/,
  /"groundedness":0\.9.*"citation_validity":1.*"refused":false.*"mean_logprob":/s,
  /30 +- +yes .*\n.*"rating":"down"/s,
  /chatcmpl-\w+.*thumbs_down, correction/,
  /accepted +incomplete[\s\S]*I am \[email\].*"reviewer":"key_/,
  /northwind-bank@1 +1 +0\.9\d+ +100\.0 %[\s\S]*THUMBS_DOWN|THUMBS_DOWN[\s\S]*northwind-bank@1 +1 +0\.9/,
  /DELETED +CAPTURES\n +1 +0/,
  /card-prices\.md +completed +1/,
  /(.+ rose from £\d.*\n){3}.*four years/,
  /card-prices\.md +3 +0\.0\d+ [\s\S]*\n0\.\d+\n$/,
  /corrected +wrong[\s\S]*"content":"Once a year it is free[\s\S]*"labels":\["wrong"\][\s\S]*FILES +PIECES/,
];
const ALERTS = readFileSync(resolve(import.meta.dirname, '../../deploy/prometheus/rules/alerts.yaml'), 'utf8');

t.test('the tour of the guide to quality works as written, on the real model', async (t) => {
  const commands = commandsOf('docs/guides/quality.md', '## A tour');
  t.equal(commands.length, EXPECTED.length, 'each command has something to show');
  const dataDir = await indexedDataDir();
  const gateway = await startGateway(dataDir, { SWITCHYARD_MODELS_BASE: 'qwen2.5-coder-0.5b-instruct' });
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });
  const outputs: string[] = [];
  for (const [i, command] of commands.entries()) {
    outputs.push(await shell(command, gateway));
    t.match(outputs[i], EXPECTED[i]!, command);
  }
  const [, limit] = /SwitchyardGroundednessFalls[\s\S]*?_count.*? < ([\d.]+) and/.exec(ALERTS)!;
  t.ok(Number(outputs.at(-2)!.trim().split('\n').at(-1)) < Number(limit), 'the alert would see it');
});
