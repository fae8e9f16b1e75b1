import type { QualityGroup } from '../../contracts/registry.js';
import type { Row } from '../terminal.js';
import { type Part, partsOf, type Report } from './page.js';
import { escapeHtml, legend, plot } from './plot.js';

interface Heading {
  /** `assistant of northwind-bank`. */
  readonly title: string;
  readonly days: number;
  readonly madeAtMs: number;
}

interface Measure {
  readonly title: string;
  readonly of: (group: QualityGroup) => number | null;
  /** The end of its axis; left out: the greatest value. */
  readonly most?: number;
  readonly format: (value: number) => string;
}

const percent = (value: number) => `${Math.round(100 * value)} %`;
const MEASURES: readonly Measure[] = [
  { title: 'Groundedness', of: (group) => group.groundedness, most: 1, format: (value) => value.toFixed(2) },
  { title: 'Citations that are right', of: (group) => group.citationValidity, most: 1, format: percent },
  { title: 'Refused', of: (group) => group.refusals, most: 1, format: percent },
  { title: 'Thumbs down', of: (group) => group.thumbsDown / group.answers, most: 1, format: percent },
  { title: 'First token, ms', of: (group) => group.firstTokenMs, format: (value) => String(Math.round(value)) },
  { title: 'Answers', of: (group) => group.answers, format: (value) => String(Math.round(value)) },
];

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.05rem; margin-top: 2rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; }
svg text { font-size: 11px; fill: currentColor; } svg polyline { fill: none; stroke-width: 2; }
.grid { stroke: currentColor; opacity: 0.15; } .legend span { margin-right: 1.5rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: 0.25rem 0.6rem; text-align: left; border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
`;

/** The report as one file without scripts: each version over the days, and the tables of the page for terminals. */
export function toHtml(report: Report, { title, days, madeAtMs }: Heading): string {
  const made = new Date(madeAtMs).toISOString().slice(0, 16).replace('T', ' ');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Quality of ${escapeHtml(title)}</title>
<style>${STYLE}</style>
<h1>Quality of ${escapeHtml(title)}</h1>
<p>Completed answers of the last ${days} days, ${made} UTC. Days begin at midnight UTC.</p>
${plots(report)}
${partsOf(report).map(table).join('\n')}
</html>
`;
}

function plots({ trends, days }: Report): string {
  if (days.length === 0) return '<p>No answers.</p>';
  const versions = [...new Set(trends.map(({ version }) => version))];
  const dates = datesFrom(days[0]!.name, days.at(-1)!.name);
  const figures = MEASURES.map(({ title, of, most, format }) => {
    const lines = versions.map((name) => ({
      name,
      values: dates.map((date) => {
        const group = trends.find((one) => one.version === name && one.name === date);
        return group === undefined ? null : of(group);
      }),
    }));
    const greatest = Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
    return `<figure><figcaption>${title}</figcaption>${plot(lines, { days: dates, most: most ?? greatest, format })}</figure>`;
  });
  return `${legend(versions)}\n<div class="plots">${figures.join('\n')}</div>`;
}

/** Every day from the first to the last: one without answers is a gap. */
function datesFrom(first: string, last: string): string[] {
  const dates: string[] = [];
  for (let ms = Date.parse(first); ms <= Date.parse(last); ms += 24 * 3600 * 1000) {
    dates.push(new Date(ms).toISOString().slice(0, 10));
  }
  return dates;
}

function table({ title, rows }: Part): string {
  const heading = `<h2>${escapeHtml(title)}</h2>`;
  if (rows.length === 0) return `${heading}\n<p>Nothing there.</p>`;
  const names = Object.keys(rows[0]!);
  const cell = (tag: 'th' | 'td', text: Row[string], index: number) =>
    `<${tag}${index > 0 ? ' class="number"' : ''}>${escapeHtml(`${text ?? '–'}`)}</${tag}>`;
  const head = names.map((name, index) => cell('th', name.replaceAll('_', ' '), index)).join('');
  const body = rows.map((row) => `<tr>${names.map((name, index) => cell('td', row[name]!, index)).join('')}</tr>`);
  return `${heading}\n<div class="wide"><table><tr>${head}</tr>\n${body.join('\n')}</table></div>`;
}
