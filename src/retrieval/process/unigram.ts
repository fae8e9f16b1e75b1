/** Stands for a blank, and begins a word. */
const BLANK = '\u2581';
const TILDE = '\uFF5E';
/** How much less likely a character that no piece holds is than the least likely piece (SentencePiece's kUnkPenalty). */
const UNKNOWN_PENALTY = 10;
/** What SentencePiece's rule `nmt_nfkc` takes away, and what it makes a blank of, before NFKC. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
const NOTHING = /[\u0001-\u0008\u000B\u000E-\u001F\u007F\u008F\u009F]/g;
const WHITE = /[\t\n\f\r\u00A0\u1680\u2000-\u200F\u2028\u2029\u202F\u205F\u2581\u3000\uFEFF\uFFFD]/g;

export interface TextTokenizer {
  /** Specials included. */
  encode(text: string): { readonly ids: readonly number[] };
}

interface Step {
  readonly type: string;
  readonly content?: string;
  readonly normalizers?: readonly Step[];
}

/** Of `tokenizer.json`, as far as it is read here. */
export interface UnigramJson {
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

/** What is looked up in a vocabulary; its pieces as a trie, whose root is 0 and whose nodes have their children side by side, by their units. */
export interface UnigramTables {
  /** Ids that stand before every text, and after it. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Id of what no piece holds. */
  readonly unknown: number;
  /** By id. */
  readonly scores: Float64Array;
  /** UTF-16 unit that leads to a node. */
  readonly units: Uint16Array;
  /** Where a node's children begin; those of the next one begin where they end. */
  readonly firstChild: Int32Array;
  /** Id of the piece that ends at a node; -1 where none does. */
  readonly pieceAt: Int32Array;
}

/**
 * SentencePiece's unigram model (T. Kudo, Subword Regularization, 2018) over words that blanks part. The general library keeps 250,000 pieces in
 * 900,000 maps; here they are three arrays. What a text holds is text: a `</s>` in it ends nothing.
 */
export function openUnigram(tables: UnigramTables): TextTokenizer {
  const split = splitter(tables);
  return {
    encode(text) {
      const ids = [...tables.before];
      for (const word of normalized(text).split(' ')) if (word !== '') split(BLANK + word, ids);
      ids.push(...tables.after);
      return { ids };
    },
  };
}

/** The full-width tilde, which Japanese has between numbers, stays what it is. */
function normalized(text: string): string {
  const parts = text.replace(NOTHING, '').replace(WHITE, ' ').split(TILDE);
  return parts.map((part) => part.normalize('NFKC')).join(TILDE);
}

/** Appends the ids of the pieces that make a word and are together the likeliest. */
function splitter(tables: UnigramTables): (word: string, ids: number[]) => void {
  const { unknown, scores, pieceAt } = tables;
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
      let node = 0;
      for (let end = start; end < length; ) {
        node = childOf(tables, node, word.charCodeAt(end++));
        if (node < 0) break;
        const id = pieceAt[node]!;
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

/** -1 for none. */
function childOf({ units, firstChild }: UnigramTables, node: number, unit: number): number {
  let [low, high] = [firstChild[node]!, firstChild[node + 1]! - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = units[middle]!;
    if (found === unit) return middle;
    if (found < unit) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
