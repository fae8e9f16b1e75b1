/** opencode, with its whole prompt and all its functions: what it sends is taken, and what it gets is an answer to it. */
import { join } from 'node:path';
import t from 'tap';
import { BASE, openGateway, runAgent } from './agent.js';
import { installAgent } from './install.js';

const VERSION = '1.18.33';
/** Its prompt with ten functions has 7,300 tokens. */
const CONTEXT = 16_384;

// The program itself: the package around it only chooses one.
const packages = installAgent(`opencode-linux-${process.arch}@${VERSION}`);

t.test('opencode', async (t) => {
  const { url, key } = await openGateway(t, CONTEXT);
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    options: { baseURL: `${url}/v1`, apiKey: key },
    models: { [BASE]: { limit: { context: CONTEXT, output: 256 } } },
  };
  const settings = { provider: { switchyard: provider }, permission: 'allow' };
  const model = `switchyard/${BASE}`;
  const events = await runAgent(t, {
    command: (project) => [
      join(packages, `opencode-linux-${process.arch}/bin/opencode`),
      ...['run', '--format', 'json', `Read ${project}/greeting.txt and tell me what it says.`],
    ],
    files: {
      'project/greeting.txt': 'Hello, world!\n',
      'project/opencode.json': JSON.stringify({ ...settings, model, small_model: model }),
    },
    env: { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' },
  });
  t.notOk(events.some(({ type }) => type === 'error'));
  const parts = events.map(({ part }) => part as { type: string; text?: string; tokens?: { total: number } });
  t.ok(parts.find(({ type }) => type === 'step-finish')!.tokens!.total > 7000, 'its whole prompt was taken');
  // Whether it calls for the file depends on single words: a model of this size is at its end with such a prompt.
  const told = parts.filter(({ type }) => type === 'text' || type === 'tool');
  t.match(JSON.stringify(told), /greeting\.txt/);
});
