/** Where a command writes: results to `out`, progress and errors to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a person watches, so that a line may be redrawn. */
  readonly interactive: boolean;
}

export type Row = Readonly<Record<string, string | number | null>>;

/** Columns as wide as their widest cell; numbers to the right; a dash for what is not there. */
export function formatTable(rows: readonly Row[]): string {
  if (rows.length === 0) return 'Nothing there.\n';
  const names = Object.keys(rows[0]!);
  const lines = [
    names.map((name) => name.toUpperCase()),
    ...rows.map((row) => names.map((name) => `${row[name] ?? '-'}`)),
  ];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const isNumber = names.map((name) => rows.some((row) => typeof row[name] === 'number'));
  const pad = (cell: string, column: number) =>
    isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return `${lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n')}\n`;
}

/** Milliseconds since the epoch, for people. */
export function formatTime(ms: number | null): string | null {
  return ms === null ? null : `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** One line that is redrawn while a person watches; elsewhere each step is written once. */
export function progressLine(terminal: Terminal) {
  let written = '';
  return {
    update(step: string, detail: string) {
      if (terminal.interactive) terminal.err(`\r\x1b[2K${step} ${detail}`);
      else if (step !== written) terminal.err(`${step} …\n`);
      written = step;
    },
    end(text: string) {
      terminal.err(terminal.interactive ? `\r\x1b[2K${text}\n` : `${text}\n`);
    },
  };
}

/** A bar of 30 characters, and the share in percent. */
export function formatBar(share: number): string {
  const filled = Math.round(share * 30);
  return `[${'#'.repeat(filled)}${' '.repeat(30 - filled)}] ${Math.floor(share * 100)} %`;
}
