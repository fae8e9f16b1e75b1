/** Programs that tests run: what they write is kept, for whoever checks it or asks why they failed. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** What a child has written so far, and goes on writing. */
export function outputOf({ stdout, stderr }: ChildProcess): { readonly out: string; readonly err: string } {
  const written = { out: '', err: '' };
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    written.out += text;
  });
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    written.err += text;
  });
  return written;
}

/** Runs a program to its end. @returns its standard output @throws Error with all that it wrote where it fails */
export async function runChild(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = outputOf(child);
  const [status, signal] = await once(child, 'close');
  if (status === 0) return written.out;
  const { out, err } = written;
  throw new Error(`${[program, ...args].join(' ')}\nended with ${status ?? signal}\n${out}${err}`);
}
