/** Lines over days as a static SVG: no script, so that it may be attached to a ticket. Pure. */

export interface Line {
  readonly name: string;
  /** In the order of the days; null: nothing is known of that day. */
  readonly values: readonly (number | null)[];
}

interface Scale {
  readonly days: readonly string[];
  /** The upper end of the axis; the lower one is 0. */
  readonly most: number;
  readonly format: (value: number) => string;
}

const WIDTH = 460;
const HEIGHT = 180;
const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 24;
const TICKS = 4;
const MAX_DAY_LABELS = 6;
/** Told apart by more than colour; from the eighth line on they begin anew. */
const STYLES = [
  ['#0b6e99', ''],
  ['#c2410c', '6 3'],
  ['#15803d', '2 3'],
  ['#7e22ce', '8 3 2 3'],
  ['#a16207', '12 3'],
  ['#be185d', '4 4'],
  ['#475569', '1 4'],
] as const;

export function plot(lines: readonly Line[], { days, most, format }: Scale): string {
  const x = (day: number) =>
    days.length < 2 ? (LEFT + WIDTH - RIGHT) / 2 : LEFT + (day * (WIDTH - LEFT - RIGHT)) / (days.length - 1);
  const y = (value: number) => HEIGHT - BOTTOM - (value / (most || 1)) * (HEIGHT - TOP - BOTTOM);
  const at = (day: number, value: number) => `${x(day).toFixed(1)},${y(value).toFixed(1)}`;
  const ticks = Array.from({ length: TICKS + 1 }, (_, tick) => (most * tick) / TICKS).map(
    (value) =>
      `<path class="grid" d="M${LEFT} ${y(value).toFixed(1)}H${WIDTH - RIGHT}"/>` +
      `<text x="${LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${escapeHtml(format(value))}</text>`,
  );
  const every = Math.ceil(days.length / MAX_DAY_LABELS);
  const labels = days.map((day, index) =>
    index % every === 0
      ? `<text x="${x(index).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(day.slice(5))}</text>`
      : '',
  );
  const drawn = lines.map(({ name, values }, index) => {
    const [colour, dashes] = styleOf(index);
    const pieces = runsOf(values).map((run) => `<polyline points="${run.map(([day, v]) => at(day, v)).join(' ')}"/>`);
    const points = values.map((value, day) =>
      value === null
        ? ''
        : `<circle cx="${x(day).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3" fill="${colour}"><title>${escapeHtml(
            `${name}, ${days[day]}: ${format(value)}`,
          )}</title></circle>`,
    );
    return `<g stroke="${colour}" stroke-dasharray="${dashes}">${pieces.join('')}</g>${points.join('')}`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${[...ticks, ...labels, ...drawn].join('')}</svg>`;
}

/** What each line of a plot is called, in its colour and dashes. */
export function legend(names: readonly string[]): string {
  const entries = names.map((name, index) => {
    const [colour, dashes] = styleOf(index);
    const sample = `<svg viewBox="0 0 28 8" width="28" height="8"><path d="M0 4H28" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"/></svg>`;
    return `<span>${sample} ${escapeHtml(name)}</span>`;
  });
  return `<p class="legend">${entries.join(' ')}</p>`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const styleOf = (index: number) => STYLES[index % STYLES.length]!;

/** Days without a gap: a line is not drawn over days of which nothing is known. */
function runsOf(values: readonly (number | null)[]): [number, number][][] {
  const runs: [number, number][][] = [];
  let open = false;
  for (const [day, value] of values.entries()) {
    if (value !== null && open) runs.at(-1)!.push([day, value]);
    else if (value !== null) runs.push([[day, value]]);
    open = value !== null;
  }
  return runs;
}
