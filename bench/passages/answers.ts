/** What block attention costs in answers: the samples' development questions, asked both ways at one gateway as shipped. */
import { DEMO_TENANTS, type DemoAssistant } from '../../src/demo/tenants.js';
import { readDataset } from '../../src/evaluation/dataset.js';
import { sample } from '../../src/evaluation/question-lines.js';
import { runMode } from '../../src/evaluation/run.js';
import type { Figures } from '../../src/evaluation/score.js';
import { removeDataDir, startAsShipped } from '../../tests/integration/gateway-process.js';
import { indexedDataDir } from '../../tests/integration/indexed-documents.js';

const BARRED = ['fact_cited', 'right_refusals'] as const;
const ADMIN = DEMO_TENANTS.find(({ scopes }) => scopes.includes('admin'))!.secret;

/**
 * Points that a sample tenant loses at most: of facts that are cited right, or of right refusals.
 * @param most questions of each tenant; null: all
 */
export async function evalLoss(most: number | null, say: (line: string) => void): Promise<number> {
  const dataDir = await indexedDataDir();
  const gateway = await startAsShipped(dataDir);
  const losses: number[] = [];
  try {
    for (const { id, secret, assistant } of DEMO_TENANTS) {
      if (assistant === null) continue;
      const all = readDataset(`indexes/${id}/eval.jsonl`);
      const questions = most === null ? all : sample(all, most);
      const tenant = { name: id, key: secret, baseModel: '', adapterModel: `assistant@${assistant.adapters.length}` };
      const ask = async (attention: 'full' | 'block'): Promise<Figures> => {
        await putAttention(gateway.url, id, assistant, attention);
        return (await runMode(gateway.url, tenant, 'adapter+retrieval', questions, {})).figures;
      };
      const [full, block] = [await ask('full'), await ask('block')];
      for (const name of BARRED) {
        say(
          `${id}, ${questions.length} questions, ${name}: full ${percent(full[name])}, block ${percent(block[name])}`,
        );
        losses.push(100 * (full[name]! - block[name]!));
      }
    }
  } finally {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  }
  return Math.max(...losses);
}

async function putAttention(
  url: string,
  tenant: string,
  { instructions, retrieval }: DemoAssistant,
  attention: 'full' | 'block',
): Promise<void> {
  const response = await fetch(`${url}/admin/tenants/${tenant}/deployments/assistant`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      adapter: tenant,
      stableVersion: 1,
      instructions,
      retrieval: { ...retrieval, attention },
    }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
}

const percent = (share: number | null): string => `${(100 * share!).toFixed(1)} %`;
