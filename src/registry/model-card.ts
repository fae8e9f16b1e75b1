import type { VersionFacts } from './version-facts.js';

type Row = readonly [string, string | number | null];

/**
 * A model card (Mitchell et al., FAT* 2019) in Markdown, with the front matter that model hubs read. Texts of others stay texts: they
 * cannot begin a table, a heading or a tag.
 */
export function renderCard({ version, evaluations, events }: VersionFacts): string {
  const { name, baseDigest, baseModel, lineage, sources } = version;
  const { parent, dataDigest, trainer, hyperparameters, figures, description, license } = lineage;
  const sections = [
    frontMatter({
      library_name: 'peft',
      ...(baseModel !== null && { base_model: baseModel }),
      ...(license !== null && { license }),
      pipeline_tag: 'text-generation',
      tags: ['lora'],
    }),
    `# ${name}@${version.version}`,
    description === null ? 'Nobody has described this version.' : plain(description),
    heading('Version', [
      ['status', version.status],
      ['digest', code(version.digest)],
      ...(sources ?? []).map((file): Row => [`SHA-256 of ${file.name}`, code(file.sha256)]),
      ['LoRA', `rank ${version.rank}, over ${version.targets.join(', ')}`],
      ['bytes', version.bytes],
      ['added', `${time(version.createdAt)} by ${version.addedBy ?? 'unknown'}`],
      ['signed by', version.signedBy],
      ['license', license],
    ]),
    heading('Lineage', [
      ['base model', baseModel],
      ['SHA-256 of the base', code(baseDigest)],
      ['parent', parent && `${parent.name}@${parent.version}`],
      ['SHA-256 of the training data', dataDigest && code(dataDigest)],
      ['trainer', trainer],
    ]),
    heading('Training', [
      ...Object.entries(figures),
      ...Object.entries(hyperparameters ?? {}).map(([key, value]): Row => [key, JSON.stringify(value)]),
    ]),
    evaluations.length === 0
      ? '## Evaluation\n\nNo report was added.'
      : ['## Evaluation', ...evaluations.map(toEvaluation)].join('\n\n'),
    ['## History', table(['when', 'from', 'to', 'by', 'why'], [...events].reverse().map(toHistory))].join('\n\n'),
  ];
  return `${sections.join('\n\n')}\n`;
}

function toEvaluation({ name, figures, dataDigest, actor, createdAt }: VersionFacts['evaluations'][number]): string {
  const of = dataDigest === null ? '' : `, over questions of SHA-256 ${code(dataDigest)}`;
  const rows = Object.entries(figures).map(([figure, value]) => [figure, value]);
  return `### ${plain(name)}\n\nAdded ${time(createdAt)} by ${plain(actor)}${of}.\n\n${table(['figure', 'value'], rows)}`;
}

function toHistory({ createdAt, from, to, actor, reason }: VersionFacts['events'][number]) {
  return [time(createdAt), from, to, actor, reason];
}

function heading(title: string, rows: readonly Row[]): string {
  const known = rows.filter(([, value]) => value !== null);
  return `## ${title}\n\n${known.length === 0 ? 'Nothing is known.' : table(['', ''], known)}`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const line = (cells: readonly (string | number | null)[]) =>
    `| ${cells.map((cell) => plain(String(cell ?? '')).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function frontMatter(values: Readonly<Record<string, string | readonly string[]>>): string {
  // JSON is YAML.
  const lines = Object.entries(values).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return ['---', ...lines, '---'].join('\n');
}

/** One line that begins and opens nothing; a digest is set as code, and holds nothing else. */
function plain(text: string): string {
  if (/^`[0-9a-f]+`$/.test(text)) return text;
  const line = text.replace(/\s+/g, ' ').trim();
  return line.replace(/[\\`<>[\]*_#]/g, '\\$&').replace(/^([-+](?=\s|$)|[-=~]{3}|\d+[.)](?=\s))/, '\\$1');
}

const code = (text: string): string => `\`${text}\``;
const time = (ms: number): string => new Date(ms).toISOString();
