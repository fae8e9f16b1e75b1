import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Lineage } from '../../contracts/versions.js';
import { readRegularFile } from '../../files/regular-file.js';
import type { parseVersion } from '../options.js';

export interface UploadOptions {
  readonly version?: number;
  readonly anyBase?: boolean;
  readonly parent?: ReturnType<typeof parseVersion>;
  readonly dataDigest?: string;
  readonly trainer?: string;
  readonly description?: string;
  readonly license?: string;
  readonly signer?: string;
  readonly signature?: string;
}

/** Parts of the form, and the files of a PEFT folder that they hold. */
const PARTS = [
  ['config', 'adapter_config.json'],
  ['training', 'training.json'],
  ['weights', 'adapter_model.safetensors'],
] as const;

const WANTED = 'adapter_config.json and adapter_model.safetensors, as PEFT writes them';

/** A PEFT folder as the form that the API takes. */
export function adapterForm(command: Command, folder: string, options: UploadOptions): FormData {
  const { version, anyBase, signer, signature } = options;
  const form = new FormData();
  if (version !== undefined) form.append('version', String(version));
  if (anyBase) form.append('anyBase', 'true');
  const lineage = lineageOf(options);
  if (Object.keys(lineage).length > 0) form.append('lineage', JSON.stringify(lineage));
  if (signer !== undefined) form.append('signer', signer);
  if (signature !== undefined) form.append('signature', read(command, signature).toString('base64'));
  for (const [part, name] of PARTS) {
    const file = join(folder, name);
    if (part === 'training' && !existsSync(file)) continue;
    if (!existsSync(file)) command.error(`error: ${folder} has no ${name}: name a folder with ${WANTED}`);
    form.append(part, new Blob([new Uint8Array(read(command, file))]), name);
  }
  return form;
}

function lineageOf({ parent, dataDigest, trainer, description, license }: UploadOptions): Partial<Lineage> {
  return {
    ...(parent !== undefined && { parent: { name: parent.adapter, version: parent.version } }),
    ...(dataDigest !== undefined && { dataDigest }),
    ...(trainer !== undefined && { trainer }),
    ...(description !== undefined && { description }),
    ...(license !== undefined && { license }),
  };
}

function read(command: Command, file: string): Buffer {
  try {
    return readRegularFile(file);
  } catch (error) {
    return command.error(`error: ${file} cannot be read: ${(error as Error).message}`);
  }
}
