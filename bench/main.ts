/**
 * `npm run bench -- NAME [--quick]`: runs bench/NAME.ts, whose default export measures and returns the figures. The last
 * line is one JSON object.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describeMachine } from './machine.js';

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

const names = readdirSync(import.meta.dirname)
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !['main', 'machine', 'gateway-memory'].includes(name));
const [name, ...flags] = process.argv.slice(2);
if (name === undefined || !names.includes(name) || flags.some((flag) => flag !== '--quick')) {
  process.stderr.write(`usage: npm run bench -- ${names.join(' | ')} [--quick]\n`);
  process.exit(2);
}

const { default: run } = (await import(`./${name}.js`)) as { default: Bench };
const figures = await run({ quick: flags.includes('--quick'), say });
const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
say(JSON.stringify({ bench: name, commit, machine: describeMachine(), figures }));
