/** Both dialects against what real servers answered: `RECORD=1 npm run test:upstreams` asks them again. */
import t from 'tap';
import { writeAdapter } from '../../fixtures/engine/adapters.js';
import { askAll, faultsOf } from '../../fixtures/upstream/questions.js';
import { playRecording, type RecordingHead, readRecording } from '../../fixtures/upstream/recording.js';
import { BASE, startUpstream } from '../../fixtures/upstream/upstream.js';
import { createFakeTokenizer } from '../../http/fakes/tokenizer.js';

/** Reads the texts of a recording as the model's tokenizer did. */
function recordedTokenizer({ tokens }: RecordingHead) {
  const tokenizer = createFakeTokenizer();
  tokenizer.encode = async (prompt) => {
    const ids = prompt.kind === 'text' ? tokens[prompt.text] : undefined;
    if (ids === undefined) throw new Error(`${JSON.stringify(prompt)} is in no recording`);
    return Int32Array.from(ids);
  };
  return tokenizer;
}

for (const dialect of ['llama-server', 'vllm'] as const) {
  const { head, exchanges } = readRecording(dialect);
  for (const [how, bytesAtATime] of [
    ['as it came', 0],
    ['cut into pieces of seven bytes', 7],
  ] as const) {
    t.test(`what ${head.server} answered is understood, ${how}`, async (t) => {
      const folder = t.testdir();
      const adapters = [writeAdapter(folder, BASE, { seed: 1 }), writeAdapter(folder, BASE, { seed: 2 })] as const;
      const digests = adapters.map(({ digest }) => digest);
      const server = await playRecording(t, exchanges, digests, bytesAtATime);
      const settings = { dialect, adapterDir: '/adapters' };
      const { upstream, states } = await startUpstream(t, [server], settings, {}, recordedTokenizer(head));
      t.same(states(), ['up'], String(upstream.status().reason));
      const lose = async (digest: string) => {
        const body = JSON.stringify({ lora_name: `sw-${digest}` });
        await fetch(`${server.url}/v1/unload_lora_adapter`, { method: 'POST', body });
      };
      const outcomes = await askAll(upstream, dialect, adapters, dialect === 'vllm' ? lose : null);
      t.same(server.unknown, [], 'nothing was asked that the server was not asked then');
      t.same(outcomes, head.outcomes);
      t.same(faultsOf(outcomes), []);
    });
  }
}
