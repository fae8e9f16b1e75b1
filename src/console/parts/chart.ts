import UPlot from 'uplot';
import { h } from '../dom.js';

export interface Series {
  readonly label: string;
  /** A custom property of the style sheet. */
  readonly colour: '--line-1' | '--line-2';
  readonly format: (value: number | null) => string;
}

export interface Chart {
  readonly element: HTMLElement;
  /** @param atMs of each point @param values one list a series; null: not known */
  update(atMs: readonly number[], values: readonly (readonly (number | null)[])[]): void;
}

const HEIGHT = 150;
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/**
 * Lines over time. What they say last stands beside them as text, which is what screen readers are given; it is redrawn when
 * the colours change with the system's.
 */
export function chart(title: string, series: readonly Series[], left: AbortSignal): Chart {
  const last = series.map(() => h('output', {}));
  const legend = series.map(({ label, colour }, i) =>
    h(
      'span',
      { class: `key ${colour.slice(2)}` },
      h('span', { class: 'swatch', 'aria-hidden': 'true' }),
      label,
      ' ',
      last[i],
    ),
  );
  const plot = h('div', { class: 'plot', 'aria-hidden': 'true' });
  const element = h(
    'figure',
    { class: 'chart' },
    h('figcaption', {}, h('h2', {}, title), h('p', { class: 'keys' }, legend)),
    plot,
  );
  let data: UPlot.AlignedData = [[], ...series.map(() => [])];
  let drawn: UPlot | null = null;

  const draw = () => {
    drawn?.destroy();
    drawn = plot.clientWidth === 0 ? null : new UPlot(optionsOf(series, plot.clientWidth), data, plot);
  };
  const resized = new ResizeObserver(() => {
    if (drawn === null) draw();
    else if (plot.clientWidth > 0) drawn.setSize({ width: plot.clientWidth, height: HEIGHT });
  });
  resized.observe(plot);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw, { signal: left });
  left.addEventListener('abort', () => {
    resized.disconnect();
    drawn?.destroy();
  });

  return {
    element,
    update(atMs, values) {
      data = [atMs.map((ms) => ms / 1000), ...values.map((list) => [...list])] as UPlot.AlignedData;
      drawn?.setData(data);
      for (const [i, { format }] of series.entries()) last[i]!.textContent = format(values[i]!.at(-1) ?? null);
    },
  };
}

function optionsOf(series: readonly Series[], width: number): UPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--rule'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1000)) },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => series[0]!.format(tick)) },
    ],
    series: [
      {},
      ...series.map(({ label, colour: name }) => ({ label, stroke: colour(name), width: 2, points: { show: false } })),
    ],
  };
}
