import type { Node } from '@vscode/tree-sitter-wasm';
import type { Block } from './document.js';

/** Shorter definitions stand with their neighbours: a passage of three lines says nothing about where it belongs. */
const LEAST_OWN_CHARS = 300;
/** Classes within classes within namespaces. */
const MAX_DEPTH = 8;

const DEFINITION =
  /^(?:abstract_)?(?:generator_)?(?:function|class|method|constructor|interface|enum|record|struct|trait|namespace|file_scoped_namespace|annotation_type|type_alias|type|property)_(?:declaration|definition|item|specifier|statement)$|^(?:impl_item|mod_item|macro_definition|internal_module|singleton_method|method|class|module|class_method_definition)$/;
/** What stands around a definition, or around several. */
const AROUND =
  /^(?:export_statement|ambient_declaration|decorated_definition|template_declaration|linkage_specification|declaration_list|declaration|preproc_if|preproc_ifdef|preproc_else)$/;
/** Their value is what they define, where it is a function. */
const VARIABLES = /^(?:lexical|variable)_declaration$/;
const FUNCTION_VALUE = /^(?:arrow_function|function_expression|generator_function|class)$/;
const FUNCTION = /function|method|constructor|macro/;

interface Cut {
  readonly position: number;
  readonly headings: readonly string[];
}

interface Definition {
  readonly name: string;
  readonly node: Node;
}

/**
 * Source code cut where its definitions start, comments above them included; the path of those in a class, module or
 * namespace leads through its name. Only white space is between blocks, and what stands between two blank lines stays
 * together.
 */
export function blocksOfSyntax(root: Node, text: string, filename: string): Block[] {
  const headings = [filename];
  const cuts = cutsOf(root, text, headings, 0);
  if (cuts.length === 0) cuts.push({ position: 0, headings });
  return cuts.map(({ position, headings }, index) => {
    const start = index === 0 ? 0 : position;
    const end = start + text.slice(start, cuts[index + 1]?.position).trimEnd().length;
    return { kind: 'lines', headings, start, end };
  });
}

function cutsOf(parent: Node, text: string, headings: readonly string[], depth: number): Cut[] {
  const cuts: Cut[] = [];
  let before: Node | null = null;
  let wasOwn = false;
  /** Comments that may belong to what follows. */
  let isComment = false;
  for (const child of parent.namedChildren) {
    if (child === null || child.endIndex <= child.startIndex) continue;
    const length = child.endIndex - child.startIndex;
    const definition = length < LEAST_OWN_CHARS ? null : definitionOf(child);
    const startsGroup = before === null || isBlankBetween(text, before.endIndex, child.startIndex);
    const inner =
      length < LEAST_OWN_CHARS || depth >= MAX_DEPTH ? [] : innerCuts(child, definition, text, headings, depth);
    const isOwn = definition !== null || inner.length > 0;
    if (startsGroup || wasOwn || (isOwn && !isComment)) {
      cuts.push({ position: startOfLine(text, child.startIndex, before?.endIndex ?? 0), headings });
    }
    if (isOwn) {
      const below = inner[0]?.headings ?? [...headings, definition!.name];
      // With the comments above it.
      cuts.push({ position: cuts.pop()!.position, headings: below }, ...inner.slice(1));
    }
    isComment = /comment|decorator|attribute_item/.test(child.type) && (startsGroup || isComment);
    wasOwn = isOwn;
    before = child;
  }
  return cuts;
}

/** Of what is in a class or in a namespace, its own start first; none where that holds nothing to be named. */
function innerCuts(
  node: Node,
  definition: Definition | null,
  text: string,
  headings: readonly string[],
  depth: number,
): Cut[] {
  if (definition === null && !AROUND.test(node.type)) return [];
  if (definition !== null && FUNCTION.test(definition.node.type)) return [];
  const body = definition === null ? node : definition.node.childForFieldName('body');
  if (!body?.namedChildren.some((child) => child !== null && definitionOf(child) !== null)) return [];
  const below = definition === null ? headings : [...headings, definition.name];
  const [first, ...others] = cutsOf(body, text, below, depth + 1);
  const start = { position: node.startIndex, headings: below };
  // Fields stand with the line that opens their class.
  return first?.headings === below ? [start, ...others] : [start, first!, ...others];
}

/** What a node defines, alone. @param around how many nodes may stand around it */
function definitionOf(node: Node, around = 3): Definition | null {
  if (AROUND.test(node.type)) {
    if (around === 0) return null;
    const inside = node.namedChildren.map((child) => child && definitionOf(child, around - 1));
    const defined = inside.filter((definition) => definition !== null);
    return defined.length === 1 ? defined[0]! : null;
  }
  if (VARIABLES.test(node.type)) {
    const declarator = node.namedChildren.find((child) => child?.type === 'variable_declarator');
    const value = declarator?.childForFieldName('value');
    return value && FUNCTION_VALUE.test(value.type) ? { name: nameOf(declarator!), node: value } : null;
  }
  return DEFINITION.test(node.type) ? { name: nameOf(node), node } : null;
}

/** As it stands in the code: `Stack<T>::push` in C++, `impl Display for Point` in Rust. */
function nameOf(node: Node): string {
  if (node.type === 'impl_item') {
    const [trait, type] = [node.childForFieldName('trait'), node.childForFieldName('type')];
    return shorten(trait ? `${trait.text} for ${type?.text}` : (type?.text ?? ''));
  }
  let named = node.childForFieldName('name') ?? node.childForFieldName('declarator');
  for (let inner = named; inner !== null; inner = inner.childForFieldName('declarator')) named = inner;
  // A group of types in Go has none of its own.
  named ??= node.namedChildren.find((child) => child?.childForFieldName('name'))?.childForFieldName('name') ?? null;
  return shorten(named?.text ?? node.type.split('_')[0]!);
}

function shorten(name: string): string {
  return name.replace(/\s+/g, ' ').slice(0, 100);
}

function isBlankBetween(text: string, from: number, to: number): boolean {
  return /\n[ \t\r]*\n/.test(text.slice(from, to));
}

/** Where the indentation of a line begins, but not before `from`. */
function startOfLine(text: string, position: number, from: number): number {
  let start = position;
  while (start > from && (text[start - 1] === ' ' || text[start - 1] === '\t')) start -= 1;
  return start;
}
