/**
 * `npm run bench -- NAME [--quick]`: runs bench/NAME.ts, whose default export measures and returns the figures. The last
 * line is one JSON object.
 */
import { readdirSync } from 'node:fs';
import { benchLine } from '../src/machine/machine.js';

export interface BenchOptions {
  /** Fewer rounds: for a first look. */
  readonly quick: boolean;
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
const [name, ...flags] = process.argv.slice(2);
if (name === undefined || !names.includes(name) || flags.some((flag) => flag !== '--quick')) {
  process.stderr.write(`usage: npm run bench -- ${names.join(' | ')} [--quick]\n`);
  process.exit(2);
}

const { default: run } = (await import(`./${name}.js`)) as { default: Bench };
const figures = await run({ quick: flags.includes('--quick'), say });
say(benchLine(name, figures));
