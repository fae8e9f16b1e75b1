/** Where a command writes: results to `out`, progress and errors to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a person watches, so that a line may be redrawn. */
  readonly interactive: boolean;
  /** Whether `out` is a screen, which can be drawn anew. */
  readonly isScreen?: boolean;
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

/** Three digits say enough. */
export function formatFigure(value: number | null): string | null {
  return value === null ? null : `${Number(value.toPrecision(3))}`;
}

/** A figure that may be on either side of 0. */
export function formatEffect(value: number | null): string | null {
  return value === null ? null : `${value > 0 ? '+' : ''}${formatFigure(value)}`;
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
    /** Takes the line away. */
    clear() {
      if (terminal.interactive && written !== '') terminal.err('\r\x1b[2K');
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

/** What downloading takes, for who decides whether to wait: size, and time on a fast and on a slow line. */
export function formatDownload(bytes: number): string {
  const [fast, slow] = [100, 10].map((megabits) => formatDuration((bytes * 8) / (megabits * 1e6)));
  return `${formatBytes(bytes)} to download (${fast} at 100 Mbit/s, ${slow} at 10)`;
}

/** Bar, and once some seconds have shown the pace, the time that is left. */
export function downloadProgress(bytesTotal: number, nowMs: () => number) {
  let first: { readonly bytes: number; readonly atMs: number } | null = null;
  return (bytesDone: number): string => {
    first ??= { bytes: bytesDone, atMs: nowMs() };
    const seconds = (nowMs() - first.atMs) / 1000;
    const bytesPerSecond = (bytesDone - first.bytes) / seconds;
    const bar = formatBar(bytesDone / bytesTotal);
    if (seconds < 3 || bytesPerSecond <= 0 || bytesDone >= bytesTotal) return bar;
    return `${bar} of ${formatBytes(bytesTotal)}, ${formatDuration((bytesTotal - bytesDone) / bytesPerSecond)} left`;
  };
}

function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}

export function formatDuration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
