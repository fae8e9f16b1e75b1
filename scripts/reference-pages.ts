// The reference pages, from the three tables that are the only home of their names.
import { SETTINGS, type Setting } from '../src/config/settings.js';
import { ERRORS, type ErrorSpec } from '../src/errors/table.js';
import { METRIC_PREFIX, METRICS, type MetricSpec } from '../src/metrics/table.js';

/** Text of each page, by its path in the repository. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    'docs/reference/config.md': configPage(),
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/metrics.md': metricsPage(),
  };
}

function configPage(): string {
  const group = ({ path }: Setting) => (path.includes('.') ? path.slice(0, path.indexOf('.')) : '');
  const groups = [...new Set(SETTINGS.map(group))];
  return page(
    'Configuration',
    'src/config/schema.ts',
    'Settings come from the defaults, then a JSON file (`switchyard.config.json`, or the one that `SWITCHYARD_CONFIG` names), then the environment; later ones win. Where a setting has two variables, the second wins. The dots of a name are objects in the file: `{"engine": {"slots": 4}}`. A setting that is unknown or out of range stops the start.',
    groups.map((name) => {
      const settings = SETTINGS.filter((setting) => group(setting) === name);
      const rows = settings.map((setting) => [
        code(setting.path),
        setting.description,
        setting.accepts,
        code(JSON.stringify(setting.default)),
        setting.variables.map(code).join(', '),
      ]);
      return `## ${name || 'General'}\n\n${table(['Setting', 'Meaning', 'Accepts', 'Default', 'Variable'], rows)}`;
    }),
  );
}

function errorsPage(): string {
  const rows = (Object.entries(ERRORS) as [string, ErrorSpec][]).map(([name, spec]) => [
    code(name),
    String(spec.status),
    code(spec.type),
    spec.retryable ? 'yes' : 'no',
    spec.message.replace(/\{(\w+)\}/g, '‹$1›'),
  ]);
  return page(
    'Errors',
    'src/errors/table.ts',
    'Every error has the envelope of OpenAI\'s API: `{"error": {"message", "type", "param", "code"}}`. Match on `code`, never on the message. Where a retry may help, the header `retry-after` says when.',
    [table(['Code', 'Status', 'Type', 'Retry', 'Message'], rows)],
  );
}

function metricsPage(): string {
  const rows = (Object.entries(METRICS) as [string, MetricSpec][]).map(([name, spec]) => [
    code(METRIC_PREFIX + name),
    spec.type,
    spec.labels.map(code).join(', '),
    spec.help,
    (spec.buckets ?? []).join(' '),
  ]);
  return page(
    'Metrics',
    'src/metrics/table.ts',
    `\`GET /metrics\` in the text format of Prometheus, in seconds, bytes and tokens. A label has at most \`metrics.maxLabelValues\` values; further ones become \`other\`, and \`${METRIC_PREFIX}label_overflow_total\` counts them. The default metrics of the process come with the same prefix.`,
    [table(['Metric', 'Type', 'Labels', 'Meaning', 'Buckets'], rows)],
  );
}

function page(title: string, source: string, introduction: string, sections: readonly string[]): string {
  const origin = `<!-- Generated from ${source} by \`npm run generate\`. Do not edit. -->`;
  return `${[`# ${title}`, origin, introduction, ...sections].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
