/** Backups that are made one after the other: what they are called, and which of them go. Pure. */

const NAME = /^switchyard-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z$/;

/** As `switchyard-2026-11-27T04-00-00Z`: the order of names is that of time. */
export function backupName(atMs: number): string {
  return `switchyard-${new Date(atMs).toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
}

/** Null where it is called something else: not one of ours. */
export function timeOf(name: string): number | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const [, day, hour, minute, second] = match;
  return Date.parse(`${day}T${hour}:${minute}:${second}Z`);
}

/** Those of these names that are backups of the series, oldest first. */
export function seriesOf(names: Iterable<string>): string[] {
  return [...new Set(names)].filter((name) => timeOf(name) !== null).sort();
}

/** The oldest ones beyond `keep`. */
export function surplus(names: Iterable<string>, keep: number): string[] {
  const series = seriesOf(names);
  return series.slice(0, Math.max(0, series.length - keep));
}
