/** pi, an agent for terminals, over each API that it speaks: it reads a file, and goes on to change it. */
import { join } from 'node:path';
import t from 'tap';
import { BASE, openGateway, runAgent } from './agent.js';
import { installAgent } from './install.js';

const TASK = 'Read greeting.txt. Then use the edit tool to change "world" to "Switchyard" in it.';
const CONTEXT = 8192;
/** Its names for APIs, and where each begins. */
const APIS = { 'openai-completions': '/v1', 'openai-responses': '/v1', 'anthropic-messages': '' };

const packages = installAgent('@mariozechner/pi-coding-agent@0.73.1');

t.test('pi', async (t) => {
  const { url, key } = await openGateway(t, CONTEXT);
  for (const [api, path] of Object.entries(APIS)) {
    await t.test(api, async (t) => {
      const model = { id: BASE, contextWindow: CONTEXT, maxTokens: 256 };
      const provider = { baseUrl: url + path, api, apiKey: key, models: [model] };
      const args = ['--provider', 'switchyard', '--model', BASE, '--tools', 'read,edit', '--no-session'];
      const events = await runAgent(t, {
        command: () => [process.execPath, join(packages, '.bin/pi'), ...args, '--mode', 'json', '-p', TASK],
        files: {
          'project/greeting.txt': 'Hello, world!\n',
          'home/.pi/agent/models.json': JSON.stringify({ providers: { switchyard: provider } }),
          'home/.pi/agent/settings.json': JSON.stringify({ compaction: { enabled: false } }),
        },
        env: { PI_OFFLINE: '1' },
      });
      const done = events.filter(({ type, isError }) => type === 'tool_execution_end' && !isError);
      t.match(done[0], { toolName: 'read', result: { content: [{ text: 'Hello, world!\n' }] } });
      // Each API makes a prompt of its own, and a model of this size does not do the second half behind each of them.
      if (api === 'openai-completions') {
        const edit = done.find(({ toolName }) => toolName === 'edit');
        t.match(edit, { result: { content: [{ text: /replaced 1 block/ }] } });
      }
      const answers = events.filter(({ type, message }) => type === 'message_end' && isOfAssistant(message));
      t.ok(answers.length >= 2, 'it asked again with the results');
      t.ok((answers[0]!.message as Message).usage!.output > 0);
      t.notOk(answers.some(({ message }) => (message as Message).stopReason === 'error'));
    });
  }
});

interface Message {
  readonly role: string;
  readonly usage?: { readonly output: number };
  readonly stopReason?: string;
}

const isOfAssistant = (message: unknown) => (message as Message).role === 'assistant';
