import { createRequire } from 'node:module';
import { extname } from 'node:path';
import treeSitter, { type Parser, type Tree } from '@vscode/tree-sitter-wasm';

const GRAMMARS: Readonly<Record<string, string>> = {
  typescript: '.ts .mts .cts',
  tsx: '.tsx',
  javascript: '.js .mjs .cjs .jsx',
  python: '.py .pyi',
  go: '.go',
  rust: '.rs',
  java: '.java',
  'c-sharp': '.cs',
  cpp: '.c .h .cc .cpp .cxx .hh .hpp',
  php: '.php',
  ruby: '.rb',
  bash: '.sh .bash',
  powershell: '.ps1',
};
const GRAMMAR_BY_EXTENSION = new Map(
  Object.entries(GRAMMARS).flatMap(([grammar, extensions]) =>
    extensions.split(' ').map((extension) => [extension, grammar] as const),
  ),
);
/** Larger files were made by a program, and their trees would take a hundred times their size. */
const MAX_CHARS = 1 << 20;
/** Errors can make a grammar try everything. */
const MAX_MS = 5000;

const parsers = new Map<string, Promise<Parser>>();
/** WebAssembly that failed once is in no known state. */
let isBroken = false;

/** The syntax tree of source code, with positions in UTF-16 units; null for a language that is not known, and where there is none in time. To be deleted after use. */
export async function parseSyntax(text: string, filename: string): Promise<Tree | null> {
  const grammar = GRAMMAR_BY_EXTENSION.get(extname(filename).toLowerCase());
  if (grammar === undefined || text.length > MAX_CHARS || isBroken) return null;
  if (!parsers.has(grammar)) parsers.set(grammar, load(grammar));
  const parser = await parsers.get(grammar)!;
  const deadline = performance.now() + MAX_MS;
  try {
    const tree = parser.parse(text, null, { progressCallback: () => performance.now() > deadline });
    if (tree === null) parser.reset();
    return tree;
  } catch {
    isBroken = true;
    return null;
  }
}

async function load(grammar: string): Promise<Parser> {
  await treeSitter.Parser.init();
  const file = createRequire(import.meta.url).resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`);
  const parser = new treeSitter.Parser();
  parser.setLanguage(await treeSitter.Language.load(file));
  return parser;
}
