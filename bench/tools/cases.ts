import { readFileSync } from 'node:fs';
import path from 'node:path';

type Value = string | number | boolean;

interface FunctionDefinition {
  readonly name: string;
  readonly parameters: { readonly properties: Readonly<Record<string, { readonly default?: Value }>> };
}

/** A question, the functions that are offered with it, and the calls that it needs: none where something is missing. */
export interface ToolCase {
  readonly kind: 'single' | 'parallel' | 'none' | 'missing';
  readonly group: string;
  readonly ask: string;
  readonly calls: readonly { readonly name: string; readonly arguments: Readonly<Record<string, Value>> }[];
}

const read = (file: string) => readFileSync(path.join(import.meta.dirname, file), 'utf8');
const { functions, groups } = JSON.parse(read('functions.json')) as {
  functions: FunctionDefinition[];
  groups: Record<string, string[]>;
};
const definitionOf = (name: string) => functions.find((one) => one.name === name)!;

/** Every twenty have all kinds in the same shares. */
export function readCases(): ToolCase[] {
  return read('calls.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ToolCase);
}

export function functionsOf(group: string): object[] {
  return groups[group]!.map((name) => ({ type: 'function', function: definitionOf(name) }));
}

/** Exactly the calls that are needed, in any order; texts in any case, and members that say what is the default anyway. */
export function isRight(
  { calls }: ToolCase,
  given: readonly { readonly name: string; readonly arguments: string }[],
): boolean {
  const left = given.map(({ name, arguments: args }) => ({ name, arguments: parsed(args) }));
  for (const { name, arguments: wanted } of calls) {
    const at = left.findIndex((one) => one.name === name && isSame(wanted, one.arguments, name));
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return left.length === 0;
}

function parsed(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return { unreadable: json };
  }
}

function isSame(wanted: Readonly<Record<string, Value>>, given: Record<string, unknown>, name: string): boolean {
  const { properties } = definitionOf(name).parameters;
  const names = new Set([...Object.keys(wanted), ...Object.keys(given)]);
  return [...names].every((member) => {
    const otherwise = properties[member]?.default;
    return plain(wanted[member] ?? otherwise) === plain(given[member] ?? otherwise);
  });
}

function plain(value: unknown): string {
  return typeof value === 'string' ? `"${value.trim().toLowerCase()}"` : JSON.stringify(value);
}
