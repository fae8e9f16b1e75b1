import type { QualityGroup, QualityReport } from '../../contracts/registry.js';
import { formatTable, type Row } from '../terminal.js';

/** As the admin API gives it. */
export type Report = Omit<QualityReport, 'worstDocuments'> & {
  readonly worstDocuments: readonly (QualityGroup & { readonly filename: string | null })[];
};

export interface Part {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** The report's tables, in the order in which they are read. */
export function partsOf({ versions, days, worstTopics, worstDocuments }: Report): Part[] {
  const part = (title: string, first: string, groups: readonly QualityGroup[]) => ({
    title,
    rows: groups.map((group) => ({ [first]: group.name, ...measures(group) })),
  });
  return [
    part('Versions', 'version', versions),
    part('Days', 'day', days),
    part('Topics, the least grounded first', 'topic', worstTopics),
    {
      title: 'Documents whose passages were given, the least grounded first',
      rows: worstDocuments.map((group) => ({ document: group.filename ?? group.name, ...measures(group) })),
    },
  ];
}

export function toPage(report: Report): string {
  return partsOf(report)
    .map(({ title, rows }) => `${title}\n${formatTable(rows)}`)
    .join('\n');
}

function measures(group: QualityGroup): Row {
  const percent = (share: number | null) => (share === null ? null : `${(100 * share).toFixed(1)} %`);
  return {
    answers: group.answers,
    grounded: group.groundedness === null ? null : group.groundedness.toFixed(3),
    cited_right: percent(group.citationValidity),
    refused: percent(group.refusals),
    cut_off: percent(group.truncations),
    words: group.words === null ? null : Math.round(group.words),
    first_token_ms: group.firstTokenMs === null ? null : Math.round(group.firstTokenMs),
    thumbs_down: group.thumbsDown,
  };
}
