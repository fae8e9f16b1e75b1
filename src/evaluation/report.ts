import { benchLine } from '../machine/machine.js';
import type { Mode } from './run.js';
import type { Figures } from './score.js';

const COLUMNS: readonly (readonly [keyof Figures, string])[] = [
  ['fact', 'fact'],
  ['fact_cited', 'fact, cited right'],
  ['citation_precision', 'citation precision'],
  ['right_refusals', 'right refusals'],
  ['false_refusals', 'false refusals'],
  ['found', 'found'],
  ['fact_of_found', 'fact of found'],
  ['refused_of_found', 'refused of found'],
  ['numbers_grounded', 'numbers grounded'],
];

/** Names of all figures. */
export const FIGURES: readonly string[] = COLUMNS.map(([field]) => field);

/** The figures of one run as cells by their titles. */
export function figureCells(figures: Partial<Figures>): Record<string, string> {
  return Object.fromEntries(COLUMNS.map(([field, title]) => [title, percent(figures[field] ?? null)]));
}

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
  return benchLine('eval', figures);
}
