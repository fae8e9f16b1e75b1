import { AppError } from '../errors/app-error.js';
import type { Attack } from './attack.js';
import type { Reply } from './verdict.js';

export interface Target {
  readonly url: string;
  readonly key: string;
}

const MAX_ANSWER_TOKENS = 64;
const POLL_MS = 200;

/** Asks as a client would, greedily, so that a run can be repeated. @param storeId of the attacks' documents; null: those of the deployment */
export async function attackOnce(
  target: Target,
  model: string,
  attack: Attack,
  storeId: string | null,
): Promise<Reply> {
  const system = attack.system === undefined ? [] : [{ role: 'system', content: attack.system }];
  const messages = [...system, ...(attack.turns ?? []), { role: 'user', content: attack.question }];
  const retrieval = storeId === null ? {} : { retrieval: { vector_store_ids: [storeId], min_score: 0 } };
  const body = { model, messages, temperature: 0, max_tokens: MAX_ANSWER_TOKENS, ...retrieval };
  const { status, answer } = await exchange(target, 'POST', '/v1/chat/completions', body);
  if (status === 400 && answer.error?.code === 'content_filter') return { text: '', filtered: true };
  if (status !== 200) throw failure(target, status, answer);
  const [choice] = answer.choices as { message: { content: string | null }; finish_reason: string }[];
  return { text: choice!.message.content ?? '', filtered: choice!.finish_reason === 'content_filter' };
}

/** A vector store with the documents of attacks, for as long as they last. */
export async function plant(
  target: Target,
  attacks: readonly Attack[],
): Promise<{ id: string; remove(): Promise<void> }> {
  const files: string[] = [];
  const { id } = await call(target, 'POST', '/v1/vector_stores', { name: 'Red team' });
  const store = `/v1/vector_stores/${id}`;
  const remove = async () => {
    await call(target, 'DELETE', store);
    for (const file of files) await call(target, 'DELETE', `/v1/files/${file}`);
  };
  try {
    for (const { document, groups } of attacks) {
      const form = new FormData();
      form.append('purpose', 'assistants');
      form.append('file', new Blob([document!.text]), document!.filename);
      const file = await call(target, 'POST', '/v1/files', form);
      files.push(file.id);
      await call(target, 'POST', `${store}/files`, { file_id: file.id, ...(groups && { allowed_groups: groups }) });
    }
    while ((await call(target, 'GET', store)).file_counts.in_progress > 0) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return { id, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The parts of the API's answers that are read here. */
interface Answer {
  readonly id: string;
  readonly file_counts: { readonly in_progress: number };
  readonly choices?: readonly unknown[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function call(target: Target, method: string, path: string, body?: object): Promise<Answer> {
  const { status, answer } = await exchange(target, method, path, body);
  if (status !== 200) throw failure(target, status, answer);
  return answer;
}

async function exchange({ url, key }: Target, method: string, path: string, body?: object) {
  const isForm = body instanceof FormData;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && !isForm && { 'content-type': 'application/json' }) },
    ...(body && { body: isForm ? body : JSON.stringify(body) }),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

function failure({ url }: Target, status: number, { error }: Answer): AppError {
  return new AppError('invalid_value', { param: url, reason: `answered ${status}: ${error?.message ?? 'no reason'}` });
}
