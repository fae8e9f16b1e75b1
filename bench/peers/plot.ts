/** Bars on a logarithmic scale around a baseline, as SVG. */

interface PlotBar {
  readonly series: string;
  /** How many times as fast as the baseline. */
  readonly speed: number;
  readonly text: string;
}

export interface Plot {
  readonly title: string;
  readonly baseline: string;
  readonly groups: readonly { readonly label: string; readonly bars: readonly PlotBar[] }[];
}

const WIDTH = 860;
const LABEL_WIDTH = 190;
/** Room for the text that follows a bar. */
const TEXT_WIDTH = 130;
const TOP = 66;
const BAR = 15;
const GAP = 12;
const BOTTOM = 30;
const COLOURS = ['#1f6feb', '#8b949e', '#d29922', '#57606a'];

export function plotSvg({ title, baseline, groups }: Plot): string {
  const series = [...new Set(groups.flatMap(({ bars }) => bars.map((bar) => bar.series)))];
  const speeds = groups.flatMap(({ bars }) => bars.map(({ speed }) => speed));
  const low = Math.floor(Math.log2(Math.min(1, ...speeds)));
  const high = Math.max(low + 1, Math.ceil(Math.log2(Math.max(1, ...speeds))));
  const x = (speed: number) =>
    LABEL_WIDTH + ((Math.log2(speed) - low) / (high - low)) * (WIDTH - LABEL_WIDTH - TEXT_WIDTH);
  const colour = (name: string) => COLOURS[series.indexOf(name) % COLOURS.length]!;

  const body: string[] = [];
  let y = TOP;
  for (const { label, bars } of groups) {
    const middle = y + (bars.length * BAR) / 2 + 4;
    body.push(text(LABEL_WIDTH - 10, middle, label, 'text-anchor="end"'));
    for (const { series: name, speed, text: value } of bars) {
      const [left, right] = [Math.min(x(1), x(speed)), Math.max(x(1), x(speed))];
      const width = round(Math.max(2, right - left));
      body.push(`<rect x="${round(left)}" y="${y}" width="${width}" height="${BAR - 3}" fill="${colour(name)}"/>`);
      body.push(text(right + 6, y + BAR - 5, value, 'font-size="11"'));
      y += BAR;
    }
    y += GAP;
  }
  const height = y + BOTTOM;
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i));
  const axis = ticks.flatMap((speed) => [
    `<line x1="${round(x(speed))}" y1="${TOP - 6}" x2="${round(x(speed))}" y2="${y}" stroke="${speed === 1 ? '#24292f' : '#d0d7de'}"/>`,
    text(x(speed), y + 16, `${speed} ×`, 'text-anchor="middle" font-size="11"'),
  ]);
  const legend = series.flatMap((name, i) => [
    `<rect x="${LABEL_WIDTH + i * 150}" y="36" width="11" height="11" fill="${colour(name)}"/>`,
    text(LABEL_WIDTH + i * 150 + 16, 46, name),
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f">`,
    `<title>${escapeXml(`${title}; ${baseline} = 1`)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(16, 22, `${title} (${baseline} = 1; further right is faster)`, 'font-weight="600"'),
    ...legend,
    ...axis,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}"${attributes && ` ${attributes}`}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
