import vader from 'vader-sentiment';
import type { AnswerTexts } from '../contracts/judge.js';
import type { AnswerSignals } from '../contracts/quality.js';
import type { AnswerRecord } from '../contracts/registry.js';
import { dot } from '../vectors/dot.js';
import { findSupport, groundedness, SUPPORTED, type Support } from './groundedness.js';
import { languageOf } from './language.js';
import { isRefusal } from './refusal.js';
import { repeatedNgrams } from './repetition.js';
import { type Evidence, evidenceOf } from './sources.js';
import { type Statement, statementsOf } from './statements.js';
import { tokensOf } from './tokens.js';

/** Vectors of texts, normalised. */
export type Embed = (texts: readonly string[]) => Promise<readonly Float32Array[]>;

/** Of a longer answer the beginning is judged sentence by sentence: what it costs is bounded. */
const MAX_STATEMENTS = 16;

type Grounding = Pick<
  AnswerSignals,
  'groundedness' | 'leastGrounded' | 'citationValidity' | 'citationCoverage' | 'numbersGrounded'
>;
const NOT_GROUNDED: Grounding = {
  groundedness: null,
  leastGrounded: null,
  citationValidity: null,
  citationCoverage: null,
  numbersGrounded: null,
};

/** The signals of one answer. @param embed called once at most */
export async function signalsOf(
  record: AnswerRecord,
  texts: AnswerTexts,
  { embed, nowMs }: { readonly embed: Embed; readonly nowMs: () => number },
): Promise<AnswerSignals> {
  const { question, answer, logprobs } = texts;
  const words = answer.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const refused = isRefusal(answer);
  const questionLanguage = languageOf(question);
  const [top, second] = record.passages.map(({ score }) => score).sort((a, b) => b - a);
  return {
    answerId: record.id,
    ...(refused || texts.passages.length === 0 ? NOT_GROUNDED : await grounding(texts, embed)),
    refused,
    truncated: record.finishReason === 'length',
    words: words.length,
    repeatedNgrams: repeatedNgrams(words),
    meanLogprob: logprobs?.mean ?? null,
    leastLogprob: logprobs?.least ?? null,
    topScore: top ?? null,
    scoreGap: top === undefined || second === undefined ? null : top - second,
    language: languageOf(answer),
    questionLanguage,
    sentiment: questionLanguage === 'en' ? sentimentOf(question) : null,
    cluster: null,
    computedAt: nowMs(),
  };
}

async function grounding({ question, answer, passages, marks }: AnswerTexts, embed: Embed): Promise<Grounding> {
  const statements = statementsOf(answer, marks).slice(0, MAX_STATEMENTS);
  if (statements.length === 0) return NOT_GROUNDED;
  const evidence = evidenceOf(passages, question);
  const found = statements.map((statement) => ({
    statement,
    support: findSupport(statement.text, evidence),
    cited: [...new Set(statement.cites)].map((passage) => findSupport(statement.text, ofPassage(evidence, passage))),
  }));
  const cosine = await cosines(found, embed);
  const judge = (statement: Statement, support: Support | null) =>
    support === null ? 0 : groundedness(support, cosine(statement.text, support.window.text));
  const grounded = found.map(({ statement, support }) => judge(statement, support));
  const citations = found.flatMap(({ statement, cited }) => cited.map((support) => judge(statement, support)));
  return {
    groundedness: mean(grounded),
    leastGrounded: Math.min(...grounded),
    citationValidity: citations.length === 0 ? null : mean(citations.map((share) => Number(share >= SUPPORTED))),
    citationCoverage: mean(statements.map(({ cites }) => Number(cites.length > 0))),
    numbersGrounded: numbersGrounded(statements, evidence),
  };
}

function ofPassage({ windows, weightOf }: Evidence, passage: number): Evidence {
  return { windows: windows.filter((window) => window.passage === passage), weightOf };
}

/** Each text is embedded once, however many statements are compared with it. */
async function cosines(
  found: readonly { statement: Statement; support: Support | null; cited: readonly (Support | null)[] }[],
  embed: Embed,
): Promise<(a: string, b: string) => number> {
  const texts = found.flatMap(({ statement, support, cited }) => [
    statement.text,
    ...[support, ...cited].flatMap((one) => (one === null ? [] : [one.window.text])),
  ]);
  const unique = [...new Set(texts)];
  const vectors = await embed(unique);
  const byText = new Map(unique.map((text, index) => [text, vectors[index]!]));
  return (a, b) => dot(byText.get(a)!, byText.get(b)!);
}

function numbersGrounded(statements: readonly Statement[], { windows }: Evidence): number | null {
  const known = new Set(windows.flatMap(({ tokens }) => tokens.map(({ term }) => term)));
  const numbers = statements.flatMap(({ text }) => tokensOf(text).filter(({ kind }) => kind === 'number'));
  return numbers.length === 0 ? null : mean(numbers.map(({ term }) => Number(known.has(term))));
}

/** By VADER (C. Hutto and E. Gilbert, 2014), which knows English alone. */
function sentimentOf(text: string): number {
  return vader.SentimentIntensityAnalyzer.polarity_scores(text).compound;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
