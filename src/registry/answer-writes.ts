import type { AnswerRecord } from '../contracts/registry.js';
import type { Writes } from '../sqlite/threaded.js';
import type { OpenDatabase } from './database.js';
import type { AnswerRow, SignalsRow } from './tables/answers.js';
import type { UsageTable } from './tables/tenants.js';

/** Values by their places: to look for so many by their names takes longer than to write them (decision 0107). */
type Values = readonly unknown[];

/** What a row holds in another form than the record, or besides. */
type ChangedMembers = Pick<AnswerRow, (typeof CHANGED)[number]>;

const CHANGED = ['pair', 'passages', 'safety', 'tools', 'userHash'] as const;

/** What is kept of every answer, as it goes to the thread that writes it. */
export interface AnswerWrites {
  ofAnswer(record: AnswerRecord, changed: ChangedMembers): Values;
  /** Kept once an answer, and only where it is recorded: its record may have failed, or have been deleted meanwhile. */
  ofSignals(row: SignalsRow): Values;
  /** In this order; usage is added to what there is of the day. */
  all(rows: { readonly answers: Values[]; readonly usage: Iterable<UsageTable>; readonly signals: Values[] }): Writes;
}

export function prepareAnswerWrites(prepare: OpenDatabase['prepare']): AnswerWrites {
  const answers = describe<AnswerRow>(prepare, 'answers');
  const signals = describe<SignalsRow>(prepare, 'answer_signals');
  const usage = describe<UsageTable>(prepare, 'usage');
  const isChanged = answers.members.map((member) => (CHANGED as readonly string[]).includes(member));
  const addAnswer = `${answers.insert} VALUES (${answers.places})`;
  const addSignals = `${signals.insert} SELECT ${signals.places} WHERE EXISTS (SELECT 1 FROM answers WHERE id = ?) ON CONFLICT DO NOTHING`;
  const addUsage = `${usage.insert} VALUES (${usage.places}) ON CONFLICT (tenant, day, key, deployment, version) DO UPDATE SET
    answers = answers + excluded.answers,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens`;
  return {
    ofAnswer: (record, changed) =>
      answers.members.map((member, i) =>
        isChanged[i] ? changed[member as keyof ChangedMembers] : record[member as keyof AnswerRecord],
      ),
    ofSignals: (row) => [...signals.valuesOf(row), row.answerId],
    all: (rows) => [
      { sql: addAnswer, rows: rows.answers },
      { sql: addUsage, rows: Array.from(rows.usage, usage.valuesOf) },
      { sql: addSignals, rows: rows.signals },
    ],
  };
}

function describe<R extends object>(prepare: OpenDatabase['prepare'], table: string) {
  const columns = prepare(`SELECT * FROM ${table}`)
    .columns()
    .map(({ name }) => name);
  const members = columns.map(toCamel) as (keyof R)[];
  return {
    insert: `INSERT INTO ${table} (${columns.join(', ')})`,
    places: columns.map(() => '?').join(', '),
    members,
    valuesOf: (row: R): Values => members.map((member) => row[member]),
  };
}

const toCamel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
