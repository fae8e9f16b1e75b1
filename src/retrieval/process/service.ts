import type { Clock } from '../../contracts/clock.js';
import type {
  EmbeddingInput,
  Redaction,
  Retrieval,
  SearchMode,
  SearchRequest,
  SearchResult,
} from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { checkFile } from '../chunking/file-kinds.js';
import type { DocumentStore } from '../documents/document-store.js';
import type { Method, ProcessOptions } from '../protocol.js';
import type { QueryPart } from '../search/best-passages.js';
import { queryParts } from '../search/query-parts.js';
import type { Relevance } from '../search/relevance.js';
import type { EmbedSoon } from './embed-soon.js';
import type { Embedder, TokenizedText } from './embedder.js';
import type { Embedders } from './embedders.js';
import type { Ingest } from './ingest.js';
import type { WorkQueue } from './queue.js';
import type { Recognise } from './recognise.js';
import type { Reembed } from './reembed.js';
import { type Piece, piecesOf, scoreDocuments } from './rerank.js';
import { loadTextOfTokens, type TextOfTokens } from './token-ids.js';
import type { VectorOptions } from './vectors-of-texts.js';

export interface ServiceOptions {
  readonly documents: DocumentStore;
  readonly ingest: Pick<Ingest, 'wake'>;
  readonly reembed: Pick<Reembed, 'wake'>;
  readonly embedders: Pick<Embedders, 'own' | 'imported' | 'load'>;
  readonly embedSoonBy: (embedder: Embedder) => EmbedSoon;
  /** Vectors of texts as those of documents are made. */
  readonly embedWhole: VectorOptions['embed'];
  readonly recognise: Recognise;
  /** A model for them is configured. */
  readonly findsNames: boolean;
  /** Of the gateway's own embedder. */
  readonly relevance: Relevance;
  readonly queue: WorkQueue;
  readonly config: ProcessOptions['config'];
  readonly clock: Clock;
}

/** Purposes whose files are there to be read into a store. */
const DOCUMENT_PURPOSES = new Set(['assistants', 'user_data']);
/** How stale a store's time of last use may be: writing it with every search would cost a disk flush each. */
const TOUCH_EVERY_S = 60;

/** The contract's methods, in the process that has the documents and the model. */
export function createService(options: ServiceOptions): Pick<Retrieval, Method> {
  const { documents, ingest, reembed, embedders, embedSoonBy, embedWhole, recognise, findsNames } = options;
  const { relevance, queue, config, clock } = options;
  const embedder = embedders.own;
  const embedSoon = embedSoonBy(embedder);
  const nowS = () => Math.floor(clock.now() / 1000);
  /** After the answer; where it cannot be written down, the answer was right all the same. */
  const touch = (tenant: string, storeId: string) =>
    setImmediate(() => void documents.touch(tenant, storeId).catch(() => {}));
  /** What it did is work for whoever reads files. */
  const waking =
    <Args extends readonly unknown[], T>(method: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const result = await method(...args);
      ingest.wake();
      reembed.wake();
      return result;
    };
  let textOfTokens: Promise<TextOfTokens> | null = null;
  /** @throws AppError `invalid_value`: a vector of part of a text would pass for one of the whole */
  const tokenized = async (input: EmbeddingInput, at: string): Promise<TokenizedText> => {
    textOfTokens ??= typeof input === 'string' ? null : loadTextOfTokens();
    const text = typeof input === 'string' ? input : (await textOfTokens!)(input, at);
    const read = embedder.tokenize(text, 'passage');
    if (read.tokens > embedder.maxTokens) {
      throw new AppError('invalid_value', {
        param: at,
        reason: `it has at least ${read.tokens} tokens, and the embedding model reads at most ${embedder.maxTokens}. Split the text`,
      });
    }
    return read;
  };

  /** The query, or parts of one that is longer than the embedder reads. @param by null: nothing can embed it, and words alone are looked for */
  const embedQuery = async (
    { tenant, mode, ...query }: Pick<SearchRequest, 'tenant' | 'query' | 'context' | 'mode'>,
    by: Embedder | null,
    signal: AbortSignal,
  ): Promise<{ parts: QueryPart[]; tokens: number }> => {
    const { tokenize, maxTokens } = by ?? embedder;
    const parts: QueryPart[] = [];
    let tokens = 0;
    const cutting = queryParts(query, maxTokens, (one) => tokenize(one, 'query').tokens);
    const cut = () => cutting.next();
    const isShort = query.query.length + query.context.length <= maxTokens;
    let step = isShort ? cut() : await queue.run('search', tenant, cut, signal);
    while (!step.done) step = await queue.run('search', tenant, cut, signal);
    for (const text of step.value) {
      if (mode === 'lexical' || by === null) {
        parts.push({ text, vector: null });
        continue;
      }
      const embedded = await embedSoonBy(by)('search', tenant, () => [tokenize(text, 'query')], signal);
      tokens += embedded.tokens;
      parts.push({ text, vector: embedded.vectors[0]! });
    }
    return { parts, tokens };
  };
  /** Who compares with a store's vectors; null: nobody here can, but its words are found all the same. */
  const comparing = async (digest: string, mode: SearchMode): Promise<Embedder | null> => {
    const isNeeded = mode === 'vector' || embedders.imported.some((model) => model.digest === digest);
    return isNeeded && mode !== 'lexical' ? embedders.load(digest) : null;
  };
  /** In batches, between which others have their turn. */
  const embedMany = async <T>(
    tenant: string,
    items: readonly T[],
    tokenize: (item: T, index: number) => TokenizedText | Promise<TokenizedText>,
    signal: AbortSignal,
  ): Promise<{ vectors: Float32Array[]; tokens: number }> => {
    const vectors: Float32Array[] = [];
    let tokens = 0;
    for (let from = 0; from < items.length; from += config.ingestBatch) {
      const some = items.slice(from, from + config.ingestBatch);
      const tokenizeSome = async () => {
        const texts: TokenizedText[] = [];
        for (const [index, item] of some.entries()) texts.push(await tokenize(item, from + index));
        return texts;
      };
      const embedded = await embedSoon('embed', tenant, tokenizeSome, signal);
      tokens += embedded.tokens;
      vectors.push(...embedded.vectors);
    }
    return { vectors, tokens };
  };

  const checkRedaction = (redaction: Redaction | undefined) => {
    if (redaction !== 'mask_names' || findsNames) return;
    const reason = 'mask_names needs a model that finds names. Use mask, or have models.ner set';
    throw new AppError('invalid_value', { param: 'redaction', reason });
  };

  return {
    ...documents,
    async createStore(tenant, store) {
      checkRedaction(store.redaction);
      return documents.createStore(tenant, store);
    },
    async updateStore(tenant, id, change) {
      checkRedaction(change.redaction);
      const store = await documents.updateStore(tenant, id, change);
      reembed.wake();
      return store;
    },
    async createFile(tenant, file, mostBytes) {
      const { content } = file;
      const bytes = content instanceof Uint8Array ? content.byteLength : content.bytes;
      if (bytes > config.maxFileBytes) throw new AppError('file_too_large', { bytes, limitBytes: config.maxFileBytes });
      if (DOCUMENT_PURPOSES.has(file.purpose)) checkFile(file.filename, content);
      return documents.createFile(tenant, file, mostBytes);
    },
    attachFile: waking(documents.attachFile),
    createBatch: waking(documents.createBatch),
    cancelBatch: waking(documents.cancelBatch),
    cancelJob: waking(documents.cancelJob),

    async search(request: SearchRequest, signal: AbortSignal): Promise<SearchResult> {
      const { tenant, groups, mode, filter, topK, minScore, diversity = 0 } = request;
      // Before the model runs, so that a wrong store costs nothing.
      const parts = new Map<string, readonly QueryPart[]>();
      for (let embedMs = 0; ; ) {
        const startedAt = clock.monotonicMs();
        const searched = await documents.searched(tenant, request.storeIds);
        if (searched.length === 0) return nothing(embedMs);
        const missing = searched.find((store) => !parts.has(store.embedder));
        if (missing) {
          const by = await comparing(missing.embedder, mode);
          parts.set(missing.embedder, (await embedQuery(request, by, signal)).parts);
          embedMs += clock.monotonicMs() - startedAt;
          continue;
        }
        const queries = [...parts]
          .map(([embedder, parts]) => {
            const storeIds = searched.filter((store) => store.embedder === embedder).map(({ id }) => id);
            return { embedder, storeIds, parts };
          })
          .filter(({ storeIds }) => storeIds.length > 0);
        const found = await documents.find(
          { tenant, groups, queries, mode, filter, topK, minScore, diversity },
          signal,
        );
        if (!found) continue;
        const searchMs = clock.monotonicMs() - startedAt;
        for (const { id, lastActiveAt } of searched) if (nowS() - lastActiveAt >= TOUCH_EVERY_S) touch(tenant, id);
        return { ...found, timings: { embedMs, searchMs } };
      }
    },

    async rerank({ tenant, query, documents }, signal) {
      const passageTokens = (text: string) => embedder.tokenize(text, 'passage').tokens;
      const pieces: Piece[] = [];
      for (const [document, text] of documents.entries()) {
        const cut = () => piecesOf(text, embedder.maxTokens, passageTokens);
        for (const piece of await queue.run('embed', tenant, cut, signal)) {
          pieces.push({ document, text: piece, tokens: passageTokens(piece) });
        }
      }
      const asked = await embedQuery({ tenant, query, context: '', mode: 'hybrid' }, embedder, signal);
      const { vectors, tokens } = await embedMany(
        tenant,
        pieces,
        ({ text }) => embedder.tokenize(text, 'passage'),
        signal,
      );
      return { scores: scoreDocuments(asked.parts, pieces, vectors, relevance), tokens: asked.tokens + tokens };
    },

    embed: (tenant, inputs, signal) =>
      embedMany(tenant, inputs, (input, index) => tokenized(input, `input[${index}]`), signal),
    recognise,
    embedBehind: (tenant, texts, signal) =>
      embedWhole(tenant, embedder.digest, texts, { precedence: 'behind', signal }),
  };
}

/** The tenant has no store: nothing is found, and that changes with its first one. */
function nothing(embedMs: number): SearchResult {
  return { passages: [], timings: { embedMs, searchMs: 0 }, snapshot: 'none' };
}
