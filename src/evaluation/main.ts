/** `npm run eval -- [--quick] [--set NAME] [--tenant NAME] [--base MODEL] [--adapter assistant@N] [--mode MODE] [--top-k K] [--min-score S] [--url URL] [--show]` */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { AppError } from '../errors/app-error.js';
import { readDataset } from './dataset.js';
import { openGateway } from './gateway.js';
import { sample } from './question-lines.js';
import { jsonLine, table } from './report.js';
import { MODES, type Mode, type Outcome, runMode, type Tenant } from './run.js';
import type { Figures } from './score.js';

const TENANTS: readonly Omit<Tenant, 'baseModel'>[] = [
  { name: 'northwind-bank', key: 'sk-demo-northwind-bank', adapterModel: 'assistant@2' },
  { name: 'copilot', key: 'sk-demo-copilot', adapterModel: 'assistant@1' },
];
const QUICK_QUESTIONS = 30;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    set: { type: 'string', default: 'eval' },
    tenant: { type: 'string' },
    base: { type: 'string', default: 'qwen2.5-coder-0.5b-instruct' },
    adapter: { type: 'string' },
    mode: { type: 'string', multiple: true },
    'top-k': { type: 'string' },
    'min-score': { type: 'string' },
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    show: { type: 'boolean', default: false },
  },
});
const tenants = TENANTS.filter(({ name }) => values.tenant === undefined || name === values.tenant);
if (tenants.length === 0) {
  throw new AppError('invalid_value', {
    param: '--tenant',
    reason: `must be one of ${TENANTS.map(({ name }) => name).join(', ')}`,
  });
}
const modes = MODES.filter((mode) => values.mode === undefined || values.mode.includes(mode));
if (modes.length === 0) {
  throw new AppError('invalid_value', { param: '--mode', reason: `must be one of ${MODES.join(', ')}` });
}
const retrieval = {
  ...(values['top-k'] !== undefined && { top_k: Number(values['top-k']) }),
  ...(values['min-score'] !== undefined && { min_score: Number(values['min-score']) }),
};

const gateway = await openGateway(values.url);
try {
  const results = new Map<string, Map<Mode, Figures>>();
  for (const tenant of tenants) {
    const judged = { ...tenant, baseModel: values.base, adapterModel: values.adapter ?? tenant.adapterModel };
    const file = fileURLToPath(new URL(`../../indexes/${tenant.name}/${values.set}.jsonl`, import.meta.url));
    const all = readDataset(file);
    const questions = values.quick ? sample(all, QUICK_QUESTIONS) : all;
    const rows = new Map<Mode, Figures>();
    for (const mode of modes) {
      const { figures, outcomes } = await runMode(values.url, judged, mode, questions, retrieval);
      rows.set(mode, figures);
      if (values.show) print(outcomes.map((outcome) => show(mode, outcome)).join('\n'));
    }
    print(`${table(tenant.name, questions.length, rows)}\n`);
    results.set(tenant.name, rows);
  }
  print(jsonLine(results));
} finally {
  await gateway.close();
}

function show(mode: Mode, { question, answer, score }: Outcome): string {
  const right = question.answerable ? score.fact && !score.refused : score.refused;
  return `${right ? 'right' : 'wrong'} ${mode} ${question.id} ${question.question} → ${answer.replaceAll('\n', ' ')}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
