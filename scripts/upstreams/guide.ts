import { removeDataDir, startGateway } from '../../tests/integration/gateway-process.js';
import { indexedDataDir } from '../../tests/integration/indexed-documents.js';
import { commandsOf, shell } from '../../tests/integration/tour.js';
import { GUIDE, gatewaySettings } from './vllm.js';

/** What a reader should see of each command, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /"status":\s*"ready"/,
  /x-adapter: northwind-bank@1[\s\S]*chat\.completion[\s\S]*[}\n]sw-[0-9a-f]{64}\n$/i,
  /x-adapter: northwind-bank@2[\s\S]*chat\.completion[\s\S]*[}\n](sw-[0-9a-f]{64}\n){2}$/i,
  /"content":\s*"(Oslo|Bergen)"[\s\S]*data: \{[\s\S]*data: \[DONE\]/,
  /(?=[\s\S]*vllm:num_requests_running)(?=[\s\S]*vllm:lora_requests_info)(?=[\s\S]*switchyard_upstream_replicas\{engine="upstream",state="up"\} 1)(?=[\s\S]*outcome="completed"\} [1-9])/,
  /draining[\s\S]*engine_unavailable[\s\S]* up /,
];

/** The guide's commands against a vLLM that runs, and a gateway with the guide's settings. @throws Error with what a command wrote */
export async function runGuide(
  url: string,
  patience: Record<string, string>,
  say: (line: string) => void,
): Promise<void> {
  const commands = commandsOf(GUIDE, '## What it answers');
  if (commands.length !== EXPECTED.length) throw new Error(`${GUIDE} has ${commands.length} commands`);
  const dataDir = await indexedDataDir();
  const gateway = await startGateway(dataDir, { ...gatewaySettings(url), ...patience });
  try {
    for (const [i, command] of commands.entries()) {
      const output = await shell(command.replaceAll('http://127.0.0.1:8000', url), gateway);
      if (!EXPECTED[i]!.test(output)) throw new Error(`${command}\nwrote what the page does not say:\n${output}`);
    }
    say(`${commands.length} commands of ${GUIDE} ran as written`);
  } finally {
    await gateway.stop();
    removeDataDir(dataDir);
  }
}
