import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Mode } from './run.js';
import type { Figures } from './score.js';

const COLUMNS: readonly (readonly [keyof Figures, string])[] = [
  ['fact', 'fact'],
  ['fact_cited', 'fact, cited right'],
  ['citation_precision', 'citation precision'],
  ['right_refusals', 'right refusals'],
  ['false_refusals', 'false refusals'],
  ['numbers_grounded', 'numbers grounded'],
];

export function table(tenant: string, questions: number, rows: ReadonlyMap<Mode, Figures>): string {
  const lines = [
    [`${tenant} (${questions})`, ...COLUMNS.map(([, title]) => title)],
    ...[...rows].map(([mode, figures]) => [mode, ...COLUMNS.map(([field]) => percent(figures[field]))]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')).join('\n');
}

function percent(share: number | null): string {
  return share === null ? '–' : `${(share * 100).toFixed(1)} %`;
}

/** The last line of every benchmark: one JSON object. Figures are named `tenant.mode.figure`, shares from 0 to 1. */
export function jsonLine(results: ReadonlyMap<string, ReadonlyMap<Mode, Figures>>): string {
  const figures: Record<string, number> = {};
  for (const [tenant, rows] of results) {
    for (const [mode, row] of rows) {
      for (const [field] of COLUMNS) {
        const value = row[field];
        if (value !== null) figures[`${tenant}.${mode}.${field}`] = Number(value.toFixed(4));
      }
    }
  }
  return JSON.stringify({ bench: 'eval', commit: commit(), machine: machine(), figures });
}

function commit(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

function machine() {
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const flags = new Set(/^flags\s*:(.*)$/m.exec(info)?.[1]?.trim().split(' '));
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    avx512: flags.has('avx512f'),
    vnni: flags.has('avx512_vnni') || flags.has('avx_vnni'),
    amx: flags.has('amx_int8'),
  };
}
