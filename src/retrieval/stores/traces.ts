import { sql } from 'kysely';
import { createContents } from './contents.js';
import type { Db } from './database.js';

/** Long enough to stand nowhere by chance. */
const PIECE_BYTES = 24;
/** Of the content, and of the passages' texts. */
const PIECES = 16;
const VECTORS = 8;
const TERMS = 8;
const MIN_TERM_LENGTH = 8;
/** Of a vector: what two of different texts do not share. */
const VECTOR_BYTES = 64;

/** Pieces of what is kept of files, by which it is recognised wherever it stands. */
export function createTraces(db: Db) {
  const contents = createContents(db);
  const isHeld = async (piece: Buffer): Promise<boolean> => {
    const { rows } = await sql<{ held: number }>`select
      exists (select 1 from files where instr(content, ${piece}))
      or exists (select 1 from file_pieces where instr(content, ${piece}))
      or exists (select 1 from passages where instr(cast(text as blob), ${piece}))
      or exists (select 1 from vectors where instr(embedding, ${piece}))
      or exists (select 1 from postings where instr(cast(term as blob), ${piece})) as held`.execute(db);
    return rows[0]?.held === 1;
  };

  return {
    /** Pieces of a file as it was uploaded, of its passages' texts and vectors, and terms that it alone has in its store. */
    async of(fileId: string): Promise<Buffer[]> {
      const content = await contents.read(fileId);
      const passages = await db.selectFrom('passages').select('text').where('file_id', '=', fileId).execute();
      const vectors = await db
        .selectFrom('vectors')
        .innerJoin('store_files', 'store_files.seq', 'store_file')
        .select('embedding')
        .where('file_id', '=', fileId)
        .orderBy('vectors.seq')
        .execute();
      const terms = await db
        .selectFrom('postings')
        .innerJoin('store_files', 'store_files.seq', 'store_file')
        .select('term')
        .where('file_id', '=', fileId)
        .where((eb) => eb(eb.fn<number>('length', ['term']), '>=', MIN_TERM_LENGTH))
        .orderBy((eb) => eb.fn<number>('length', ['term']), 'desc')
        .limit(TERMS)
        .execute();
      const text = Buffer.from(passages.map((passage) => passage.text).join('\n'));
      return [
        ...piecesOf(content),
        ...piecesOf(text),
        ...evenly(vectors, VECTORS).map(({ embedding }) => embedding.subarray(0, VECTOR_BYTES)),
        ...terms.map(({ term }) => Buffer.from(term)),
      ];
    },

    /** Those of `pieces` that no file has which is there: other documents may say the same. */
    async withoutHeld(pieces: readonly Buffer[]): Promise<Buffer[]> {
      const gone: Buffer[] = [];
      for (const piece of pieces) if (!(await isHeld(piece))) gone.push(piece);
      return gone;
    },
  };
}

function piecesOf(bytes: Buffer): Buffer[] {
  const starts = Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, i) => i * PIECE_BYTES);
  // The last one whole, however short the text is.
  const pieces = starts.map((start) => {
    const from = Math.max(0, Math.min(start, bytes.length - PIECE_BYTES));
    return bytes.subarray(from, from + PIECE_BYTES);
  });
  return evenly(
    pieces.filter((piece) => piece.toString().trim().length > PIECE_BYTES / 4),
    PIECES,
  );
}

function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}

export type Traces = ReturnType<typeof createTraces>;
