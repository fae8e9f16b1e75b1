/**
 * The bytes of all tokens as a tree, in preorder: the children of a node stand behind it, up to its `end`. So a walk over
 * what may come is a pass over arrays. Node 0 is the empty text.
 */
export interface TokenTrie {
  readonly bytes: Uint8Array;
  readonly ends: Int32Array;
  readonly depths: Uint16Array;
  /** The token that ends here, -1 where none does. */
  readonly tokens: Int32Array;
  /** By token: another one of the same bytes, or -1. */
  readonly twins: Int32Array;
}

/** @param bytesOf of each token; one without bytes is never written */
export function buildTrie(vocabSize: number, bytesOf: (token: number) => Uint8Array): TokenTrie {
  const all = Array.from({ length: vocabSize }, (_, token) => ({ token, bytes: bytesOf(token) }));
  const written = all.filter(({ bytes }) => bytes.length > 0).sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const most = written.reduce((sum, { bytes }) => sum + bytes.length, 1);
  const bytes = new Uint8Array(most);
  const ends = new Int32Array(most);
  const depths = new Uint16Array(most);
  const tokens = new Int32Array(most).fill(-1);
  const twins = new Int32Array(vocabSize).fill(-1);
  /** The nodes from the root to the last one. */
  const path = [0];
  let size = 1;
  for (const { token, bytes: text } of written) {
    let shared = 0;
    while (shared + 1 < path.length && shared < text.length && bytes[path[shared + 1]!] === text[shared]) shared++;
    while (path.length > shared + 1) ends[path.pop()!] = size;
    for (let depth = shared; depth < text.length; depth++) {
      bytes[size] = text[depth]!;
      depths[size] = depth + 1;
      path.push(size++);
    }
    const node = path.at(-1)!;
    if (tokens[node] !== -1) twins[token] = tokens[node]!;
    tokens[node] = token;
  }
  for (const node of path) ends[node] = size;
  return {
    bytes: bytes.slice(0, size),
    ends: ends.slice(0, size),
    depths: depths.slice(0, size),
    tokens: tokens.slice(0, size),
    twins,
  };
}

/** The node of the longest token that `text` begins with from `at` on; 0 where none does. */
export function longestToken({ bytes, ends, tokens }: TokenTrie, text: readonly number[], at: number): number {
  let best = 0;
  let node = 0;
  for (let depth = at; depth < text.length; depth++) {
    let child = node + 1;
    while (child < ends[node]! && bytes[child] !== text[depth]) child = ends[child]!;
    if (child >= ends[node]!) break;
    node = child;
    if (tokens[node] !== -1) best = node;
  }
  return best;
}
