/** Numbers and times as people read them; a dash for what is not known. */

const DASH = '–';

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : Math.round(value).toLocaleString('en');
}

/** With as many digits as tell something. */
export function rate(value: number | null): string {
  if (value === null) return DASH;
  return value === 0 || value >= 100 ? count(value) : value.toFixed(value >= 10 ? 1 : 2);
}

export function seconds(value: number | null): string {
  if (value === null) return DASH;
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`;
}

export function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : seconds(value / 1000);
}

export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? DASH : `${(100 * share).toFixed(digits)} %`;
}

export function score(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : value.toFixed(2);
}

export function bytes(value: number): string {
  const [size, unit] = value >= 1e9 ? [value / 1e9, 'GB'] : value >= 1e6 ? [value / 1e6, 'MB'] : [value / 1e3, 'kB'];
  return `${size.toFixed(size >= 100 ? 0 : 1)} ${unit}`;
}

/** Milliseconds since the epoch, in the reader's time. */
export function time(ms: number): string {
  return new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

export function ago(ms: number, nowMs: number): string {
  const s = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (s < 90) return `${s} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  return s < 129_600 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86_400)} days ago`;
}

export function version(adapter: string | null, number: number | null): string {
  return adapter === null || number === null ? 'base model' : `${adapter}@${number}`;
}

/** `time_to_first_token` as words. */
export function words(name: string): string {
  const spaced = name.replaceAll('_', ' ');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
