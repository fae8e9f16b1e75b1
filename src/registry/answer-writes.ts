import type { OpenDatabase } from './database.js';
import type { AnswerRow, SignalsRow } from './tables/answers.js';
import type { UsageTable } from './tables/tenants.js';

/** Writes what is kept of every answer; each in a transaction of the caller's. */
export interface AnswerWrites {
  addAnswer(row: AnswerRow): void;
  /** Once an answer, and only where it is recorded: its record may have failed, or have been deleted meanwhile. */
  addSignals(row: SignalsRow): void;
  /** Adds to what there is of the day. */
  addUsage(row: UsageTable): void;
}

/** Statements that are prepared once: to build a query takes ten times as long as to write its row (decision 0075). */
export function prepareAnswerWrites(prepare: OpenDatabase['prepare']): AnswerWrites {
  const columnsOf = (table: string) =>
    prepare(`SELECT * FROM ${table}`)
      .columns()
      .map(({ name }) => name);
  const insertInto = (table: string, from: (values: string) => string) => {
    const columns = columnsOf(table);
    const values = columns.map((name) => `@${toCamel(name)}`).join(', ');
    return prepare(`INSERT INTO ${table} (${columns.join(', ')}) ${from(values)}`);
  };
  // By their places: to look for so many values by their names takes longer than to write them (decision 0107).
  const ofAnswer = columnsOf('answers');
  const answer = prepare(`INSERT INTO answers (${ofAnswer.join(', ')}) VALUES (${ofAnswer.map(() => '?').join(', ')})`);
  const members = ofAnswer.map(toCamel) as (keyof AnswerRow)[];
  const signals = insertInto(
    'answer_signals',
    (values) => `SELECT ${values} WHERE EXISTS (SELECT 1 FROM answers WHERE id = @answerId) ON CONFLICT DO NOTHING`,
  );
  const usage = insertInto(
    'usage',
    (values) => `VALUES (${values}) ON CONFLICT (tenant, day, key, deployment, version) DO UPDATE SET
      answers = answers + excluded.answers,
      prompt_tokens = prompt_tokens + excluded.prompt_tokens,
      cached_tokens = cached_tokens + excluded.cached_tokens,
      completion_tokens = completion_tokens + excluded.completion_tokens`,
  );
  return {
    addAnswer: (row) => void answer.run(members.map((member) => row[member])),
    addSignals: (row) => void signals.run(row),
    addUsage: (row) => void usage.run(row),
  };
}

const toCamel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
