/**
 * `npm run bench -- NAME [--quick] [PART…]`: runs bench/NAME.ts, whose default export measures and returns the figures; only
 * some parts of it where it has `parts`. The last line is one JSON object.
 */
import { readdirSync } from 'node:fs';
import { benchLine } from '../src/machine/machine.js';

export interface BenchOptions {
  /** Fewer rounds: for a first look. */
  readonly quick: boolean;
  /** Of its `parts`, those that were asked for: all where none were named. */
  readonly parts: readonly string[];
  /** Writes a line for people. */
  readonly say: (line: string) => void;
}

export type Bench = (options: BenchOptions) => Promise<Readonly<Record<string, number>>>;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Files of this folder that a benchmark is made with. */
const PARTS = ['main', 'load', 'gateway-memory'];
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !PARTS.includes(name));
const refuse = (usage: string): never => {
  process.stderr.write(`usage: npm run bench -- ${usage}\n`);
  process.exit(2);
};
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) refuse(`${names.join(' | ')} [--quick]`);

const { default: run, parts = [] } = (await import(`./${name}.js`)) as { default: Bench; parts?: readonly string[] };
const asked = rest.filter((word) => word !== '--quick');
if (asked.some((part) => !parts.includes(part))) {
  refuse(`${name} [--quick]${parts.length > 0 ? ` [${parts.join('] [')}]` : ''}`);
}
const figures = await run({ quick: rest.includes('--quick'), parts: asked.length > 0 ? asked : parts, say });
say(benchLine(name, figures));
