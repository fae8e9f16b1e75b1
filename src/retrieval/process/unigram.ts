/** Stands for a blank, and begins a word. */
const BLANK = '\u2581';
const TILDE = '\uFF5E';
/** How much less likely a character that no piece holds is than the least likely piece (SentencePiece's kUnkPenalty). */
const UNKNOWN_PENALTY = 10;
/** What SentencePiece's rule `nmt_nfkc` takes away, and what it makes a blank of, before NFKC. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
const NOTHING = /[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/g;
const WHITE = /[\t\n\f\r\u00A0\u1680\u2000-\u200F\u2028\u2029\u202F\u205F\u2581\u3000\uFEFF\uFFFD]/g;

interface Tokenizer {
  /** Specials included. */
  encode(text: string): { readonly ids: number[] };
}

interface Step {
  readonly type: string;
  readonly content?: string;
  readonly normalizers?: readonly Step[];
}

/** Of `tokenizer.json`, as far as it is read here. */
interface UnigramJson {
  readonly model: {
    readonly type: string;
    readonly unk_id: number;
    readonly vocab: readonly (readonly [piece: string, score: number])[];
    readonly byte_fallback?: boolean;
  };
  readonly added_tokens?: readonly { readonly id: number; readonly special: boolean }[] | null;
  readonly normalizer: Step | null;
  readonly pre_tokenizer: unknown;
  readonly post_processor: {
    readonly type: string;
    readonly single?: readonly { readonly SpecialToken?: { readonly id: string } }[];
    readonly special_tokens?: Readonly<Record<string, { readonly ids: readonly number[] }>>;
  } | null;
}

/**
 * A tokenizer like XLM-RoBERTa's: SentencePiece's unigram model (T. Kudo, Subword Regularization, 2018) over words that blanks part. Null for any
 * other. The general library keeps 250,000 pieces in 900,000 maps; here they are three arrays. What a text holds is text: a `</s>` in it ends nothing.
 */
export function openUnigram(json: UnigramJson): Tokenizer | null {
  const { model, post_processor: post } = json;
  if (model.type !== 'Unigram' || model.byte_fallback || post?.type !== 'TemplateProcessing') return null;
  const isWords = JSON.stringify(json.pre_tokenizer ?? null).includes('"Metaspace"');
  if (!isWords || !isNmtNfkc(json.normalizer)) return null;
  const at = post.single?.findIndex(({ SpecialToken }) => SpecialToken === undefined) ?? -1;
  if (at < 0) return null;
  const idsOf = (parts: NonNullable<typeof post.single>) =>
    parts.flatMap(({ SpecialToken }) => post.special_tokens?.[SpecialToken?.id ?? '']?.ids ?? []);
  const [before, after] = [idsOf(post.single!.slice(0, at)), idsOf(post.single!.slice(at + 1))];
  const specials = new Set(json.added_tokens?.flatMap(({ id, special }) => (special ? [id] : [])));
  const split = unigramSplitter(model, specials);
  return {
    encode(text) {
      const ids = [...before];
      for (const word of normalized(text).split(' ')) if (word !== '') split(BLANK + word, ids);
      ids.push(...after);
      return { ids };
    },
  };
}

/** Written out, or as the table that SentencePiece has of it; nothing that changes letters, as ALBERT's does. */
function isNmtNfkc(step: Step | null): boolean {
  switch (step?.type) {
    case 'Sequence':
      return step.normalizers?.every(isNmtNfkc) ?? false;
    case 'Replace':
      return ['', ' ', BLANK].includes(step.content!);
    default:
      return step !== null && ['Precompiled', 'NFKC', 'Strip'].includes(step.type);
  }
}

/** The full-width tilde, which Japanese has between numbers, stays what it is. */
function normalized(text: string): string {
  const parts = text.replace(NOTHING, '').replace(WHITE, ' ').split(TILDE);
  return parts.map((part) => part.normalize('NFKC')).join(TILDE);
}

/** Appends the ids of the pieces that make a word and are together the likeliest. */
function unigramSplitter(
  { vocab, unk_id: unknown }: UnigramJson['model'],
  specials: ReadonlySet<number>,
): (word: string, ids: number[]) => void {
  const trie = buildTrie(vocab.map(([piece], id) => (specials.has(id) ? '' : piece)));
  const scores = Float64Array.from(vocab, ([, score]) => score);
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY;
  let [best, pieceOf, startOf] = [new Float64Array(0), new Int32Array(0), new Int32Array(0)];

  return (word, ids) => {
    const length = word.length;
    if (best.length <= length) {
      const room = 2 * length + 1;
      [best, pieceOf, startOf] = [new Float64Array(room), new Int32Array(room), new Int32Array(room)];
    }
    best.fill(Number.NEGATIVE_INFINITY, 0, length + 1);
    best[0] = 0;
    const offer = (start: number, end: number, id: number, score: number) => {
      if (best[start]! + score <= best[end]!) return;
      best[end] = best[start]! + score;
      pieceOf[end] = id;
      startOf[end] = start;
    };
    for (let start = 0; start < length; ) {
      const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      let node = trie.root;
      for (let end = start; end < length; ) {
        node = trie.child(node, word.charCodeAt(end++));
        if (node < 0) break;
        const id = trie.piece[node]!;
        if (id >= 0) offer(start, end, id, scores[id]!);
      }
      offer(start, next, unknown, unknownScore);
      start = next;
    }
    const from = ids.length;
    for (let end = length; end > 0; end = startOf[end]!) {
      const id = pieceOf[end]!;
      // Neighbours that are not known are one.
      if (id !== unknown || ids.length === from || ids.at(-1) !== unknown) ids.push(id);
    }
    reverseFrom(ids, from);
  };
}

function reverseFrom(ids: number[], from: number): void {
  for (let [low, high] = [from, ids.length - 1]; low < high; low++, high--) {
    [ids[low], ids[high]] = [ids[high]!, ids[low]!];
  }
}

interface Trie {
  readonly root: number;
  /** -1 for none. */
  child(node: number, unit: number): number;
  /** The piece that ends at a node; -1 where none does. */
  readonly piece: Int32Array;
}

/** Of all pieces but empty ones. A node's children lie side by side, in the order of their UTF-16 units; level after level. */
function buildTrie(pieces: readonly string[]): Trie {
  const order = Uint32Array.from(pieces.keys()).sort((a, b) => compare(pieces[a]!, pieces[b]!));
  const most = 1 + pieces.reduce((sum, { length }) => sum + length, 0);
  const units = new Uint16Array(most);
  const piece = new Int32Array(most).fill(-1);
  /** Where a node's children begin; those of the next one begin where they end. */
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
    for (let i = from[node]!; i < to[node]!; ) {
      const text = pieces[order[i]!]!;
      if (text.length === depth) {
        piece[node] = order[i++]!;
        continue;
      }
      const unit = text.charCodeAt(depth);
      units[nodes] = unit;
      from[nodes] = i;
      while (i < to[node]! && pieces[order[i]!]!.charCodeAt(depth) === unit) i++;
      to[nodes++] = i;
    }
  }
  firstChild[nodes] = nodes;
  const [unitOf, first] = [units.slice(0, nodes), firstChild.slice(0, nodes + 1)];
  return {
    root: 0,
    piece: piece.slice(0, nodes),
    child(node, unit) {
      let [low, high] = [first[node]!, first[node + 1]! - 1];
      while (low <= high) {
        const middle = (low + high) >> 1;
        const found = unitOf[middle]!;
        if (found === unit) return middle;
        if (found < unit) low = middle + 1;
        else high = middle - 1;
      }
      return -1;
    },
  };
}

/** By UTF-16 units. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
