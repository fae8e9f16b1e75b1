import type { AdapterVersion, Deployment } from '../../contracts/registry.js';
import { MAX_TRAINER } from '../../contracts/registry-limits.js';
import { parseQuestions, sample } from '../../evaluation/question-lines.js';
import { path } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { h, type valuesOf } from '../dom.js';
import { version } from '../format.js';
import type { EvaluationRunWire } from '../wire.js';
import { ask } from './dialog.js';
import { input, reasonField, reasonHeader, select } from './fields.js';

type Values = ReturnType<typeof valuesOf>;

const AS_DEPLOYED = '';
const OFF = 'off';

export const isAskable = ({ status }: AdapterVersion): boolean => status !== 'revoked' && status !== 'retired';

/** Asks what is to be asked of which version, and begins it. @param versions that can be chosen @returns null where it was not begun */
export async function startEvaluation(
  context: Context,
  versions: readonly AdapterVersion[],
): Promise<EvaluationRunWire | null> {
  const { admin } = context;
  const tenant = tenantOf(context);
  const deployments = await admin.list<Deployment>(path`/admin/tenants/${tenant}/deployments`);
  let started: EvaluationRunWire | null = null;
  await ask({
    title: 'Start an evaluation',
    text: 'It takes what requests leave of the engine, goes on after a restart, and is asked for once where the same one is under way.',
    fields: [
      select(
        'Version',
        { name: 'version' },
        versions.map(({ name, version: number }) => [version(name, number), version(name, number)] as const),
      ),
      input(
        'Questions',
        { name: 'questions', type: 'file', required: true, accept: '.jsonl,.ndjson,application/jsonl' },
        ['Lines of JSON: ', h('code', {}, 'id, question, answerable, accept, document'), '.'],
      ),
      input(
        'Of these, at most',
        { name: 'most', type: 'number', min: 1 },
        'For a quick look: spread over the whole set. Empty: all.',
      ),
      select(
        'Deployment',
        { name: 'deployment' },
        [
          ['', 'the only one of the adapter'],
          ...deployments.map(({ name, adapter }) => [name, `${name} (${adapter ?? 'base model'})`] as const),
        ],
        null,
        'Whose instructions, documents and policy it answers with.',
      ),
      select('Passages', { name: 'passages' }, [
        [AS_DEPLOYED, 'as the deployment has it'],
        [OFF, 'without passages'],
      ]),
      input('Passages at most', { name: 'top_k', type: 'number', min: 1, max: 50 }, 'Empty: as the deployment has it.'),
      input(
        'Least score of a passage',
        { name: 'min_score', type: 'number', min: 0, max: 1, step: 'any' },
        'Empty: as the deployment has it.',
      ),
      input('Name of the report', { name: 'name', maxlength: MAX_TRAINER }, 'Empty: file and number of questions.'),
      reasonField(),
    ],
    action: 'Start the evaluation',
    async submit(values) {
      started = await admin.send(
        'POST',
        path`/admin/tenants/${tenant}/evaluation-runs`,
        await bodyOf(values),
        reasonHeader(values.text('reason')),
      );
    },
  });
  if (started !== null) context.say('The evaluation is begun as soon as nobody else waits.');
  return started;
}

async function bodyOf(values: Values): Promise<object> {
  const file = values.file('questions');
  const all = parseQuestions(await file.text(), file.name, (place, reason) => new Error(`${place} ${reason}.`));
  const most = values.number('most');
  const questions = most === null ? all : sample(all, most);
  const [adapter, number] = values.text('version').split('@') as [string, string];
  const deployment = values.text('deployment');
  const name = values.text('name') || `${file.name}, ${questions.length} questions`.slice(-MAX_TRAINER);
  return {
    ...{ adapter, version: Number(number), name, questions, ...retrievalOf(values) },
    ...(deployment !== '' && { deployment }),
  };
}

function retrievalOf(values: Values) {
  if (values.text('passages') === OFF) return { retrieval: { enabled: false } };
  const [topK, minScore] = [values.number('top_k'), values.number('min_score')];
  return topK === null && minScore === null ? {} : { retrieval: { topK, minScore } };
}
