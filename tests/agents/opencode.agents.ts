/** opencode, with its whole prompt and all its functions: it reads a file, and tells what it says. */
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
  const parts = events.map(({ part }) => part as { type: string; text?: string; tokens?: { cache: { read: number } } });
  t.match(
    parts.find(({ type }) => type === 'tool'),
    { tool: 'read', state: { status: 'completed', output: /Hello, world!/ } },
  );
  t.match(parts.findLast(({ type }) => type === 'text')?.text, /Hello, world!/);
  const last = parts.findLast(({ type }) => type === 'step-finish');
  t.ok(last!.tokens!.cache.read > 6000, 'what it said before is not computed again');
});
