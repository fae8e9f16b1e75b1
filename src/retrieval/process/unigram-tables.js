// @ts-check
// What a unigram tokenizer looks up, made from its file. Plain JavaScript that imports nothing: it runs in a thread
// (unigram-thread.js), which no loader that understands TypeScript reaches in Node 20.

/** Stands for a blank, and begins a word. */
const BLANK = '\u2581';

/**
 * Of a tokenizer like XLM-RoBERTa's: SentencePiece's unigram model over words that blanks part. Null for any other.
 * @param {import('./unigram.js').UnigramJson} json of `tokenizer.json`
 * @returns {import('./unigram.js').UnigramTables | null}
 */
export function unigramTables({ model, post_processor: post, pre_tokenizer: words, normalizer, added_tokens: added }) {
  if (model.type !== 'Unigram' || model.byte_fallback || post?.type !== 'TemplateProcessing') return null;
  const isWords = JSON.stringify(words ?? null).includes('"Metaspace"');
  if (!isWords || !isNmtNfkc(normalizer)) return null;
  const parts = post.single ?? [];
  const at = parts.findIndex(({ SpecialToken }) => SpecialToken === undefined);
  if (at < 0) return null;
  /** @param {typeof parts} some */
  const idsOf = (some) => some.flatMap(({ SpecialToken }) => post.special_tokens?.[SpecialToken?.id ?? '']?.ids ?? []);
  const specials = new Set(added?.flatMap(({ id, special }) => (special ? [id] : [])));
  return {
    before: idsOf(parts.slice(0, at)),
    after: idsOf(parts.slice(at + 1)),
    unknown: model.unk_id,
    scores: Float64Array.from(model.vocab, ([, score]) => score),
    ...buildTrie(model.vocab.map(([piece], id) => (specials.has(id) ? '' : piece))),
  };
}

/**
 * Written out, or as the table that SentencePiece has of it; nothing that changes letters, as ALBERT's does.
 * @param {import('./unigram.js').UnigramJson['normalizer']} step
 * @returns {boolean}
 */
function isNmtNfkc(step) {
  switch (step?.type) {
    case 'Sequence':
      return step.normalizers?.every(isNmtNfkc) ?? false;
    case 'Replace':
      return ['', ' ', BLANK].includes(/** @type {string} */ (step.content));
    default:
      return step !== null && ['Precompiled', 'NFKC', 'Strip'].includes(step.type);
  }
}

/**
 * Of all pieces but empty ones. A node's children lie side by side, in the order of their UTF-16 units; level after level.
 * @param {readonly string[]} pieces
 */
function buildTrie(pieces) {
  const order = Uint32Array.from(pieces.keys()).sort((a, b) => compare(pieces[a], pieces[b]));
  const most = 1 + pieces.reduce((sum, { length }) => sum + length, 0);
  const units = new Uint16Array(most);
  const pieceAt = new Int32Array(most).fill(-1);
  const firstChild = new Int32Array(most + 1);
  /** Pieces that begin as a node says: [from, to) of the order. */
  const [from, to] = [new Int32Array(most), new Int32Array(most)];
  to[0] = order.length;
  let nodes = 1;
  for (let node = 0, levelEnd = 1, depth = 0; node < nodes; node++) {
    if (node === levelEnd) {
      levelEnd = nodes;
      depth++;
    }
    firstChild[node] = nodes;
    for (let i = from[node]; i < to[node]; ) {
      const text = pieces[order[i]];
      if (text.length === depth) {
        pieceAt[node] = order[i++];
        continue;
      }
      const unit = text.charCodeAt(depth);
      units[nodes] = unit;
      from[nodes] = i;
      while (i < to[node] && pieces[order[i]].charCodeAt(depth) === unit) i++;
      to[nodes++] = i;
    }
  }
  firstChild[nodes] = nodes;
  return { units: units.slice(0, nodes), firstChild: firstChild.slice(0, nodes + 1), pieceAt: pieceAt.slice(0, nodes) };
}

/**
 * By UTF-16 units.
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
