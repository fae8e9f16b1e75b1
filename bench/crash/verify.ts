/** Compares what a data folder holds, and what is found in it, with what was acknowledged. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Retrieval } from '../../src/contracts/retrieval.js';
import { copyDatabase } from '../../src/sqlite/copy.js';
import { Sqlite } from '../../src/sqlite/open.js';
import { type Documents, TENANT, type Version } from './documents.js';

export interface Findings {
  /** Acknowledged, and not there or not readable. */
  lost: number;
  /** Deleted or replaced, and there again. */
  resurrected: number;
  /** Rows that do not belong together, and answers of the index that an exact search does not give. */
  mismatches: number;
}

interface Row {
  readonly path: string | null;
  readonly file_id: string;
  readonly status: string;
  readonly passages: number;
  readonly texts: string | null;
  readonly rows: number;
  readonly terms: number;
}

const QUERIES = 8;
const TOP_K = 10;

/** Everything that was put is read. @param startExact the same product that compares every passage, on another folder */
export async function verify(
  dataDir: string,
  retrieval: Retrieval,
  changed: readonly Documents[],
  startExact: (dataDir: string) => Promise<Retrieval>,
): Promise<Findings> {
  const findings: Findings = { lost: 0, resurrected: 0, mismatches: 0 };
  const copy = mkdtempSync(join(tmpdir(), 'switchyard-crash-'));
  try {
    await copyDatabase(join(dataDir, 'documents.db'), join(copy, 'documents.db'));
    checkRows(join(copy, 'documents.db'), changed, findings);
    findings.mismatches += await compareAnswers(retrieval, await startExact(copy));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return findings;
}

function checkRows(file: string, changed: readonly Documents[], findings: Findings): void {
  const database = new Sqlite(file, { readonly: true });
  const rows = database
    .prepare(
      `select path, file_id, status, passages,
        (select count(*) from passages p where p.store_id = f.store_id and p.file_id = f.file_id) as rows,
        (select group_concat(text, ' ') from passages p where p.store_id = f.store_id and p.file_id = f.file_id) as texts,
        (select count(*) from postings where store_file = f.seq) as terms
      from store_files f`,
    )
    .all() as Row[];
  const texts = rows.map((row) => row.texts ?? '').join(' ');
  const strays = database
    .prepare(
      'select count(*) from passages where (store_id, file_id) not in (select store_id, file_id from store_files)',
    )
    .pluck()
    .get() as number;
  const jobs = database
    .prepare("select count(*) from jobs where status in ('queued', 'running')")
    .pluck()
    .get() as number;
  database.close();

  findings.mismatches += strays + jobs;
  for (const row of rows) if (row.rows !== row.passages || (row.rows > 0 && row.terms === 0)) findings.mismatches++;
  for (const { allowed, gone } of changed) {
    for (const [path, versions] of allowed) {
      const held = rows.filter((row) => row.path === path);
      const found = versions.find((version) => isHeld(version, held));
      if (found === undefined) findings.lost++;
      else for (const version of versions) if (version && version !== found) gone.add(version.token);
      // Nobody knew until now: from here on it is what was found.
      if (found !== undefined) allowed.set(path, [found]);
    }
    for (const token of gone) if (texts.includes(token)) findings.resurrected++;
  }
}

function isHeld(version: Version | null, held: readonly Row[]): boolean {
  if (version === null) return held.length === 0;
  const [only] = held;
  if (held.length !== 1 || only!.file_id !== version.fileId || only!.status !== 'completed') return false;
  return only!.rows > 0 && only!.texts!.split(version.token).length - 1 === only!.rows;
}

async function compareAnswers(retrieval: Retrieval, exact: Retrieval): Promise<number> {
  const never = new AbortController().signal;
  const ask = async (asked: Retrieval, query: string) => {
    const request = {
      tenant: TENANT,
      storeIds: [],
      groups: [],
      query,
      context: '',
      mode: 'vector',
      filter: null,
    } as const;
    const { passages } = await asked.search({ ...request, topK: TOP_K, minScore: 0 }, never);
    return JSON.stringify(passages.map(({ id, score }) => [id, score.toFixed(6)]));
  };
  let differing = 0;
  try {
    for (let n = 0; n < QUERIES; n++) {
      const query = `What does rule ${n} of document ${n * 7} say?`;
      if ((await ask(retrieval, query)) !== (await ask(exact, query))) differing++;
    }
  } finally {
    await exact.close();
  }
  return differing;
}
