import { Unzip, UnzipInflate } from 'fflate';

export interface ZipEntry {
  readonly name: string;
  /** To be read before the next entry is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A piece of an entry; `chunk` null is its end. */
interface Piece {
  readonly name: string;
  readonly chunk: Uint8Array | null;
}

/**
 * The wanted entries of a ZIP archive, as a stream: memory holds a piece of the archive and what it unpacks to. Other
 * entries are skipped unread, and names are only compared, never used as paths.
 * @throws Error for a damaged archive, or one that ends within an entry
 */
export async function* unzipEntries(
  archive: AsyncIterable<Uint8Array>,
  wanted: ReadonlySet<string>,
): AsyncGenerator<ZipEntry> {
  const pieces = unzipPieces(archive, wanted);
  for (;;) {
    const first = await pieces.next();
    if (first.done) return;
    const entry = { ended: false };
    yield { name: first.value.name, chunks: chunksOf(first.value, pieces, entry) };
    if (!entry.ended) throw new Error(`${first.value.name} was not read to its end`);
  }
}

async function* chunksOf(
  first: Piece,
  pieces: AsyncGenerator<Piece>,
  entry: { ended: boolean },
): AsyncGenerator<Uint8Array> {
  for (let piece = first; piece.chunk; ) {
    yield piece.chunk;
    const next = await pieces.next();
    if (next.done) throw new Error(`the archive ends within ${first.name}`);
    piece = next.value;
  }
  entry.ended = true;
}

async function* unzipPieces(archive: AsyncIterable<Uint8Array>, wanted: ReadonlySet<string>): AsyncGenerator<Piece> {
  let ready: Piece[] = [];
  const unzip = new Unzip((entry) => {
    if (!wanted.has(entry.name)) return;
    entry.ondata = (error, chunk, final) => {
      if (error) throw error;
      if (chunk.length > 0) ready.push({ name: entry.name, chunk });
      if (final) ready.push({ name: entry.name, chunk: null });
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  for await (const bytes of archive) {
    unzip.push(bytes, false);
    const pieces = ready;
    ready = [];
    yield* pieces;
  }
  unzip.push(new Uint8Array(0), true);
  yield* ready;
}
