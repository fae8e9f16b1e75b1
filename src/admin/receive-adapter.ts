import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../errors/app-error.js';
import { makeFolder } from '../files/make-folder.js';
import { readForm } from '../forms/read-form.js';

/** Parts of the form, and the files of a PEFT folder that they become: what a caller calls a file names nothing on this machine. */
const FILES = {
  config: 'adapter_config.json',
  weights: 'adapter_model.safetensors',
  training: 'training.json',
} as const;
const JSON_BYTES = 1024 * 1024;
/** Lineage, as JSON. */
const FIELD_BYTES = 128 * 1024;
/** Of a form besides its weights. */
export const FORM_BYTES = 3 * JSON_BYTES;

type Part = keyof typeof FILES;

export interface ReceivedAdapter {
  /** A new one, with the files; whoever asked removes it. */
  readonly folder: string;
  /** As a JSON body would have it: the fields, and the names of the files. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Writes the files of a form to the disk as they come. Nothing is left where it fails.
 * @throws AppError `invalid_value` for parts that are not known, missing or no JSON, `body_too_large`; as `readForm`
 */
export async function receiveAdapter(
  headers: IncomingHttpHeaders,
  form: Readable,
  { dir, maxBytes }: { readonly dir: string; readonly maxBytes: number },
): Promise<ReceivedAdapter> {
  await makeFolder(dir, 0o700);
  const folder = await mkdtemp(join(dir, 'adapter-'));
  const limits = { fileSize: maxBytes + 1, files: Object.keys(FILES).length, fields: 8, fieldSize: FIELD_BYTES };
  try {
    const { fields, files } = await readForm(headers, form, limits, async ({ name, content }) => {
      if (!isPart(name))
        throw new AppError('unsupported_parameter', {
          param: name,
          reason: `files are ${Object.keys(FILES).join(', ')}`,
        });
      const limitBytes = name === 'weights' ? maxBytes : JSON_BYTES;
      await pipeline(
        content,
        bounded(limitBytes),
        createWriteStream(join(folder, FILES[name]), { flags: 'wx', mode: 0o600 }),
      );
      return name;
    });
    const text = fields.find(({ name }) => isPart(name));
    if (text) throw new AppError('invalid_value', { param: text.name, reason: 'must be a file' });
    const named = files.map((name) => [name, FILES[name]] as const);
    return { folder, body: Object.fromEntries([...named, ...fields.map(toMember)]) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new AppError('invalid_value', { param: 'body', reason: 'has two files of one name' }, { cause: error });
  }
}

const isPart = (name: string): name is Part => Object.hasOwn(FILES, name);

function bounded(limitBytes: number) {
  return async function* (chunks: AsyncIterable<Buffer>) {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > limitBytes) throw new AppError('body_too_large', { limitBytes, setting: 'server.maxAdapterBytes' });
      yield chunk;
    }
  };
}

const JSON_FIELDS: ReadonlySet<string> = new Set(['version', 'lineage', 'anyBase']);

/** Numbers, switches and objects are JSON, texts are texts. */
function toMember({ name, value }: { readonly name: string; readonly value: string }): [string, unknown] {
  if (!JSON_FIELDS.has(name)) return [name, value];
  try {
    return [name, JSON.parse(value)];
  } catch {
    throw new AppError('invalid_value', { param: name, reason: 'is no JSON' });
  }
}
