/** What a query is about, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql';

interface Selector {
  /** Of the metric or the recorded series. */
  readonly name: string;
  /** What its matchers ask for: `label`, operator and value in quotes. */
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** Labels that results are grouped by or matched on. */
  readonly labels: readonly string[];
}

/** Grafana's variables as it would fill them in. */
export function fillVariables(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*');
}

/** @throws Error with the place of what is no PromQL */
export function parseQuery(expr: string): Query {
  const text = (node: { from: number; to: number }) => expr.slice(node.from, node.to);
  const selectors: { name: string; matchers: { label: string; value: string }[] }[] = [];
  const labels: string[] = [];
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expr}`);
      if (node.name === 'VectorSelector') {
        selectors.push({ name: text(node.node.getChild('Identifier')!), matchers: [] });
      } else if (node.name === 'UnquotedLabelMatcher') {
        const label = text(node.node.getChild('LabelName')!);
        selectors.at(-1)!.matchers.push({ label, value: text(node.node.getChild('StringLiteral')!) });
      } else if (node.name === 'GroupingLabels') {
        labels.push(...node.node.getChildren('LabelName').map(text));
      }
    },
  });
  return { selectors, labels };
}
