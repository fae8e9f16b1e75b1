/** What else finds the nearest of many vectors, on the same ones: installed once into a folder that git ignores. */
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { HnswIndex, type HnswParams } from '../../src/retrieval/hnsw/hnsw-index.js';
import { Sqlite } from '../../src/sqlite/open.js';
import { startPostgres } from '../../tests/fixtures/postgres/server.js';
import { runProgram } from '../peers/processes.js';

/** Vectors that can be searched: the n-th has the label n + 1. */
export interface Searched {
  search(query: Float32Array, count: number): number[] | Promise<number[]>;
  close(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  build(points: readonly Float32Array[], params: HnswParams): Promise<Searched>;
}

const INSTALLED = join(import.meta.dirname, '.installed');
const PACKAGES = ['usearch@2.25.3', 'sqlite-vec@0.1.9'];
/** pgvector's index is built within it. */
const BUILD_MEMORY = '512MB';

/** As the product searches. */
const hnswlib: Peer = {
  name: 'hnswlib',
  async build(points, params) {
    const index = HnswIndex.create(params, points.length);
    for (const [n, vector] of points.entries()) index.add(n + 1, vector);
    return { search: (query, count) => index.search(query, count), async close() {} };
  },
};

/** Another implementation of HNSW, with the same links and the same breadth of its searches. */
const usearch: Peer = {
  name: 'usearch',
  async build(points, { dimensions, links, efConstruction, efSearch }) {
    const { Index } = await installed('usearch');
    const index = new Index({
      dimensions,
      metric: 'ip',
      quantization: 'f32',
      connectivity: links,
      expansion_add: efConstruction,
      expansion_search: efSearch,
      multi: false,
    });
    for (const [n, vector] of points.entries()) index.add(BigInt(n + 1), vector, 1);
    return { search: (query, count) => Array.from(index.search(query, count, 1).keys, Number), async close() {} };
  },
};

/** Compares all vectors: no index. */
const sqliteVec: Peer = {
  name: 'sqlite_vec',
  async build(points, { dimensions }) {
    const db = new Sqlite(':memory:');
    (await installed('sqlite-vec')).load(db);
    db.exec(`create virtual table points using vec0 (embedding float[${dimensions}] distance_metric=cosine)`);
    const insert = db.prepare('insert into points (rowid, embedding) values (?, ?)');
    db.transaction(() => {
      for (const [n, vector] of points.entries()) insert.run(BigInt(n + 1), bytesOf(vector));
    })();
    const nearest = db.prepare('select rowid from points where embedding match ? and k = ?').pluck();
    return {
      search: (query, count) => nearest.all(bytesOf(query), count) as number[],
      async close() {
        db.close();
      },
    };
  },
};

/** A real server; the vectors in half precision, as the product has them there. */
const pgvector: Peer = {
  name: 'pgvector',
  async build(points, { dimensions, links, efConstruction, efSearch }) {
    const server = await startPostgres();
    const { name } = await server.createDatabase();
    const client = new pg.Client({ connectionString: server.ownerUrl(name) });
    await client.connect();
    await client.query(`create table points (label integer, embedding halfvec(${dimensions}))`);
    for (let from = 0; from < points.length; from += 500) {
      const rows = points.slice(from, from + 500);
      const values = rows.map((_, n) => `($${2 * n + 1}, $${2 * n + 2})`).join();
      const given = rows.flatMap((vector, n) => [from + n + 1, `[${vector.join()}]`]);
      await client.query(`insert into points values ${values}`, given);
    }
    await client.query(`set maintenance_work_mem = '${BUILD_MEMORY}'`);
    await client.query('set max_parallel_maintenance_workers = 0');
    await client.query(
      `create index on points using hnsw (embedding halfvec_ip_ops) with (m = ${links}, ef_construction = ${efConstruction})`,
    );
    await client.query(`set hnsw.ef_search = ${efSearch}`);
    const text = 'select label from points order by embedding <#> $1::halfvec limit $2';
    return {
      async search(query, count) {
        const { rows } = await client.query({ name: 'nearest', text, values: [`[${query.join()}]`, count] });
        return rows.map(({ label }) => label as number);
      },
      async close() {
        await client.end();
        await server.close();
      },
    };
  },
};

export const PEERS: readonly Peer[] = [hnswlib, usearch, sqliteVec, pgvector];

// biome-ignore lint/suspicious/noExplicitAny: packages that are not installed where this is compiled
async function installed(name: string): Promise<any> {
  mkdirSync(INSTALLED, { recursive: true });
  if (!existsSync(join(INSTALLED, 'node_modules', name))) {
    const args = ['install', '--prefix', INSTALLED, '--ignore-scripts', '--no-audit', ...PACKAGES];
    await runProgram({ command: 'npm', args, cwd: INSTALLED, logFile: join(tmpdir(), 'switchyard-bench-hnsw.log') });
  }
  return createRequire(join(INSTALLED, 'package.json'))(name);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
