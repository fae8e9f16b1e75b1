/** How documents are read, kept and found. */

import { Type } from 'typebox';
import { closed, integer, KiB, MiB, postgresUrl } from './values.js';

export const retrieval = Type.Object(
  {
    maxFileBytes: integer('Largest document, in bytes.', 8 * MiB, KiB, 512 * MiB),
    maxIngestQueue: integer(
      'Files that may wait for ingestion; one tenant may have half of them.',
      10_000,
      1,
      1_000_000,
    ),
    maxPendingCalls: integer(
      'Searches and other calls that may wait for the retrieval process; one tenant may have half of them.',
      1000,
      1,
      100_000,
    ),
    maxPendingBytes: integer(
      'Bytes of texts and documents in the calls that wait; one tenant may have half of them.',
      128 * MiB,
      MiB,
      1024 * 1024 * MiB,
    ),
    maxIngestBytes: integer(
      'Bytes of the files that may wait for ingestion; one tenant may have half of them.',
      1024 * MiB,
      MiB,
      1024 * 1024 * MiB,
    ),
    parseTimeoutMs: integer(
      'Processor time that reading one document may take, in milliseconds.',
      60_000,
      1000,
      3_600_000,
    ),
    parseMemoryBytes: integer(
      'Memory that reading one document may take, the vocabulary of the base model included.',
      512 * MiB,
      128 * MiB,
      64 * 1024 * MiB,
    ),
    maxPassagesPerFile: integer('Passages that one document may make.', 50_000, 1, 10_000_000),
    passageTokens: integer('Largest passage, in tokens of the base model.', 160, 16, 2048),
    overlapTokens: integer('Tokens repeated between neighbouring passages of one section.', 24, 0, 512),
    indexM: integer('HNSW links a node (M).', 16, 4, 64),
    efConstruction: integer('HNSW candidates while building (efConstruction).', 128, 8, 2000),
    efSearch: integer('HNSW candidates while searching (ef), at least.', 160, 8, 2000),
    exactSearchLimit: integer(
      'Passages of a store up to which a search compares every one; larger stores are searched through the HNSW index.',
      2000,
      0,
      1_000_000,
    ),
    indexMemoryBytes: integer(
      'Memory of open HNSW indexes; beyond it the least recently used are written and closed.',
      512 * MiB,
      MiB,
      1024 * 1024 * MiB,
    ),
    threads: integer('Threads that embed documents, behind everything that waits for an answer.', 2, 1, 256),
    ingestBatch: integer('Texts embedded between two looks at waiting queries.', 2, 1, 256),
  },
  { ...closed, default: {} },
);

export const database = Type.Object(
  {
    url: postgresUrl(
      'PostgreSQL 16 or newer with pgvector that keeps the documents, as postgres://role:password@host:port/database; empty: they are kept in dataDir.',
    ),
    urlFile: Type.String({
      description: 'File that holds database.url, for instance a mounted secret; empty for none.',
      default: '',
    }),
    poolSize: integer('Connections to PostgreSQL at once.', 10, 2, 1000),
    statementTimeoutMs: integer(
      'Longest time that one statement may take in PostgreSQL, in milliseconds.',
      30_000,
      100,
      3_600_000,
    ),
  },
  { ...closed, default: {} },
);
