/** The lines of a batch's file. */
import type { Batch } from '../../../../contracts/batches.js';

export const ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/moderations',
] as const;

/** Of one file, as at OpenAI. */
const MAX_LINES = 50_000;
/** What is wrong is listed up to there. */
const MAX_ERRORS = 100;

export interface BatchLine {
  readonly customId: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Errors = Batch['errors'];

/** Reads a whole file, or says what is wrong with it. Blank lines are none. */
export function readLines(content: Uint8Array, endpoint: string): { lines: readonly BatchLine[]; errors: Errors } {
  const errors: Errors[number][] = [];
  const lines: BatchLine[] = [];
  const seen = new Set<string>();
  const wrong = (code: string, message: string, line: number | null) => errors.push({ code, message, line });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return { lines, errors: [{ code: 'invalid_json_line', message: 'The file is not UTF-8.', line: null }] };
  }
  for (const [index, json] of text.split('\n').entries()) {
    if (json.trim() === '') continue;
    const number = index + 1;
    const read = readLine(json, endpoint);
    if (typeof read === 'string') wrong('invalid_json_line', read, number);
    else if (seen.has(read.customId))
      wrong('duplicate_custom_id', `custom_id ${read.customId} was used before.`, number);
    else lines.push(read);
    if (typeof read !== 'string') seen.add(read.customId);
    if (errors.length === MAX_ERRORS) return { lines, errors };
  }
  if (lines.length === 0 && errors.length === 0) wrong('empty_file', 'The file has no lines.', null);
  if (lines.length > MAX_LINES) wrong('too_many_tasks', `At most ${MAX_LINES} lines are run. Split the file.`, null);
  return { lines, errors };
}

/** The line, or what is wrong with it. */
function readLine(json: string, endpoint: string): BatchLine | string {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json);
  } catch {
    return 'This is not JSON.';
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) return 'This is not an object.';
  const { custom_id: customId, method, url, body } = line;
  if (typeof customId !== 'string' || customId === '') return 'custom_id must be a text.';
  if (customId.length > 512) return 'custom_id must have at most 512 characters.';
  if (method !== 'POST') return 'method must be POST.';
  if (url !== endpoint) return `url must be ${endpoint}, as the endpoint of the batch.`;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'body must be an object.';
  return { customId, body: body as BatchLine['body'] };
}
