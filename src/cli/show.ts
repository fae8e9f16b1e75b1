import type { Command } from 'commander';
import { formatTable, type Row, type Terminal } from './terminal.js';

/** Writes a result: as it came with --json, else as a table. */
export function show(terminal: Terminal, command: Command, result: unknown, rows: readonly Row[]): void {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  terminal.out(json ? `${JSON.stringify(result, null, 2)}\n` : formatTable(rows));
}
