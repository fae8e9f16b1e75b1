/** docs/guides/your-own-model.md as it is written, with tiny random models of one's own. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { writeChatAdapter, writeChatFolder, writeChatGguf } from '../fixtures/model-import/tiny-chat-model.js';
import { type GatewayProcess, MODELS, startAsShipped } from './gateway-process.js';
import { commandsOf, shell } from './tour.js';

const EMBEDDER = 'bge-small-en-v1.5-qa';
const command = (heading: string) => commandsOf('docs/guides/your-own-model.md', heading)[0]!;
const NONE = { url: 'http://127.0.0.1:1' };

async function start(t: Test, dataDir: string, line: string): Promise<GatewayProcess> {
  const settings = [...line.matchAll(/(\w+)=(\S+) /g)].map(([, name, value]) => [name!, value!]);
  const gateway = await startAsShipped(dataDir, Object.fromEntries(settings));
  t.teardown(() => gateway.stop('SIGKILL'));
  return gateway;
}

t.test('a file, a folder and an adapter of rank 32 are imported and answer as the page has it', async (t) => {
  const home = t.testdir({ Downloads: {}, data: { models: {} } });
  const downloads = join(home, 'Downloads');
  const dataDir = join(home, 'data');
  symlinkSync(join(MODELS, EMBEDDER), join(dataDir, 'models', EMBEDDER));
  writeChatGguf(join(downloads, 'My-Model-Q4_K_M.gguf'));
  writeChatFolder(join(downloads, 'My-Folder'));
  writeChatAdapter(join(downloads, 'my-lora'), 'Somebody/My-Folder', 32);
  const env = { HOME: home, SWITCHYARD_DATA: dataDir };
  const run = (text: string, gateway: Pick<GatewayProcess, 'url'> = NONE) => shell(text, gateway, { cwd: home, env });

  t.match(await run(command('## Import')), /my-folder +base +imported[\s\S]*my-model +base +imported/);
  const [init, started, ...others] = command('## Start').trim().split('\n');
  t.match(started, /^(\w+=\S+ )+npm start$/);
  t.same(others, []);
  await run(init!);

  const fromFile = await start(t, dataDir, started!);
  t.match(await run(command('## Ask'), fromFile), /"object":\s*"chat.completion"[\s\S]*"model":\s*"my-model"/);
  t.equal(await fromFile.stop(), 0);

  const fromFolder = await start(t, dataDir, started!.replace('my-model', 'my-folder'));
  const adapted = await run(command('## Adapters for it'), fromFolder);
  t.match(adapted, /support@1 +\w+ +32 [\s\S]*"model":\s*"support@1"/);
  const greedy = (model: string) => `
    key=$(node -p 'JSON.parse(require("fs").readFileSync("acme.json")).secret')
    curl -sS ${fromFolder.url}/v1/chat/completions -H "authorization: Bearer $key" -H 'content-type: application/json' \\
      -d '{"model": "${model}", "max_tokens": 16, "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}'`;
  const contentOf = async (model: string) => JSON.parse(await run(greedy(model))).choices[0].message.content as string;
  t.not(await contentOf('support'), await contentOf('my-folder'), 'the adapter changes what is answered');
});
