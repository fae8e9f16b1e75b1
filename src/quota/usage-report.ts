import type { UsageDimension, UsageReport, UsageSums } from '../contracts/quota.js';

/** As the API shows it. */
export function toUsage({ rows, total }: UsageReport) {
  return { data: rows.map(withTotal), total: withTotal(total) };
}

/** RFC 4180, with a line of names; without what the sums are told apart by, one line. */
export function toCsv({ rows, total }: UsageReport, dimensions: readonly UsageDimension[]): string {
  const given = dimensions.length === 0 ? [total] : rows;
  const names = [...dimensions, 'answers', 'promptTokens', 'cachedTokens', 'completionTokens', 'totalTokens'];
  const lines = given.map((row) => {
    const values: Readonly<Record<string, string | number>> = { ...withTotal(row) };
    return names.map((name) => cell(String(values[name])));
  });
  return [names, ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}

function withTotal<T extends UsageSums>(sums: T) {
  return { ...sums, totalTokens: sums.promptTokens + sums.completionTokens };
}

/** A table calculates what begins like a formula. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
