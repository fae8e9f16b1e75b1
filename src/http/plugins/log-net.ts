/**
 * A second net: no log line of ours names these. What pino itself does for paths with wildcards takes twice as long as all else of a
 * line (decision 0099).
 */
const PRIVATE = ['authorization', 'headers', 'body', 'messages', 'prompt', 'text', 'content'] as const;
const CENSORED = '[Redacted]';
/** Have serializers, which come later and say what of them is shown. */
const SERIALIZED = new Set(['err', 'req', 'res']);

/** Options of the logger. */
export const LOG_NET = {
  redact: PRIVATE.map((name) => `err.${name}`),
  formatters: { log: censored },
};

/** The same fields, without what is private in those that are objects. */
function censored(fields: Record<string, unknown>): Record<string, unknown> {
  let shown = fields;
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'object' || value === null || SERIALIZED.has(name)) continue;
    const found = PRIVATE.filter((one) => Object.hasOwn(value, one));
    if (found.length === 0) continue;
    shown = { ...shown, [name]: { ...value, ...Object.fromEntries(found.map((one) => [one, CENSORED])) } };
  }
  return shown;
}
