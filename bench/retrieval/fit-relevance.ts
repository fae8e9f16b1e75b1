/**
 * `npx tsx bench/retrieval/fit-relevance.ts`: fits what `src/retrieval/search/coefficients.ts` holds for the configured embedder, and prints what
 * is found and what a least score costs, by the coefficients that are there and by the new ones. The sample documents have to be embedded: run `npm run bench -- retrieval --quick` first.
 */
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import type { EvalQuestion } from '../../src/contracts/evaluations.js';
import type { SearchMode } from '../../src/contracts/retrieval.js';
import { holdsFact } from '../../src/evaluation/score.js';
import { readEmbedderManifest } from '../../src/layouts/manifest.js';
import type { TenantIndexes } from '../../src/retrieval/hnsw/tenant-indexes.js';
import { NO_TERMS } from '../../src/retrieval/lexical/bm25.js';
import { loadEmbedder } from '../../src/retrieval/process/embedder.js';
import { coefficientsOf } from '../../src/retrieval/search/coefficients.js';
import { type Evidence, gatherEvidence } from '../../src/retrieval/search/evidence.js';
import { createVectorSearch } from '../../src/retrieval/search/find-nearest.js';
import { findTerms } from '../../src/retrieval/search/find-terms.js';
import { featuresOf } from '../../src/retrieval/search/relevance.js';
import { openDatabase } from '../../src/retrieval/stores/database.js';
import { keyOf } from '../../src/retrieval/stores/embedder-models.js';
import { createPassages, type PassageScope } from '../../src/retrieval/stores/passages.js';
import { createPostings } from '../../src/retrieval/stores/postings.js';
import { createShelves } from '../../src/retrieval/stores/shelves.js';
import { createVectorStores } from '../../src/retrieval/stores/vector-stores.js';
import { createVectors } from '../../src/retrieval/stores/vectors.js';
import { dot, fitLogistic } from './logistic.js';
import { onlyModel } from './only-model.js';
import { type QuestionSet, questionSetsFor, questionsOf, samplesFolder, TENANTS } from './samples.js';

const MODES: readonly SearchMode[] = ['vector', 'lexical', 'hybrid'];
/** Of each search, as in a real one. */
const CANDIDATES = 50;
/** Passages that are shown to the model. */
const SHOWN = 4;
/** Questions in the documents' words are most of those in indexes/, and few in life. */
const OTHERS_COUNT = 2;
const THRESHOLDS = [0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3];

interface Case {
  readonly tenant: string;
  /** `foreign`: asked by another tenant's customers, about something else altogether. */
  readonly set: QuestionSet | 'foreign';
  readonly question: EvalQuestion;
  readonly features: readonly number[][];
  /** Which of the candidates hold the fact. */
  readonly isRight: readonly boolean[];
}

const config = loadConfig();
const QUESTION_SETS = questionSetsFor(config.models.embedder);
const db = openDatabase(join(samplesFolder(config), 'documents.db'));
const [passages, postings, stores] = [
  createPassages(db),
  createPostings(db),
  createVectorStores(
    db,
    () => 0,
    async () => {},
    onlyModel({ digest: '', dimensions: 0 }),
  ),
];
const shelves = createShelves(db);
const exactly = createVectorSearch({
  passages,
  vectors: createVectors(db),
  indexes: null as unknown as TenantIndexes,
  exactLimit: Number.POSITIVE_INFINITY,
});
const modelDir = join(config.dataDir, 'models', config.models.embedder);
const embedder = await loadEmbedder(modelDir, await readEmbedderManifest(modelDir), config.retrieval.threads);

async function casesOf(mode: SearchMode): Promise<Case[]> {
  const cases: Case[] = [];
  for (const tenant of TENANTS) {
    const { id } = (await stores.oldest(tenant))!;
    const visible = await shelves.visible([id], []);
    const scope = {
      tenant,
      storeIds: [id],
      shelves: visible.map(({ seq }) => seq),
      files: null,
      embedder: await keyOf(db, embedder.digest),
    };
    for (const { set, question } of askedOf(tenant)) {
      const vector =
        mode === 'lexical' ? null : (await embedder.embed([embedder.tokenize(question.question, 'query')]))[0]!;
      const terms = mode === 'vector' ? NO_TERMS : await findTerms(scope.shelves, question.question, null, postings);
      const { candidates } = await gatherEvidence(
        { scope, vector, terms, count: CANDIDATES },
        { vectors: exactly, passages },
      );
      const isRight = await rightOnes(scope, question, candidates);
      cases.push({ tenant, set, question, features: featuresOf(mode, candidates), isRight });
    }
  }
  return cases;
}

function askedOf(tenant: string): Pick<Case, 'set' | 'question'>[] {
  const own = QUESTION_SETS.flatMap((set) => questionsOf(tenant, set).map((question) => ({ set, question })));
  const others = TENANTS.filter((other) => other !== tenant).flatMap((other) => questionsOf(other, 'eval'));
  const foreign = others.map((question) => ({ ...question, answerable: false, document: null }));
  return [...own, ...foreign.map((question) => ({ set: 'foreign' as const, question }))];
}

async function rightOnes(
  scope: PassageScope,
  question: EvalQuestion,
  candidates: readonly Evidence[],
): Promise<boolean[]> {
  const labels = candidates.map(({ label }) => label);
  const loaded = await passages.load(scope, labels);
  return labels.map((label) => holdsFact(question, loaded.get(label)!));
}

function fit(cases: readonly Case[]): number[] {
  const own = cases.filter(({ set }) => set !== 'foreign');
  return fitLogistic(
    own.flatMap(({ features }) => features),
    own.flatMap(({ isRight }) => isRight),
    own.flatMap(({ set, features }) => features.map(() => (set === 'eval' ? 1 : OTHERS_COUNT))),
  );
}

/** Scores of the candidates, best first. */
function ranked({ features, isRight }: Case, coefficients: readonly number[]) {
  return features
    .map((one, index) => ({ score: 1 / (1 + Math.exp(-dot(coefficients, one))), isRight: isRight[index]! }))
    .sort((a, b) => b.score - a.score);
}

function recall(cases: readonly Case[], coefficients: readonly number[], k: number): string {
  const answerable = cases.filter(({ question }) => question.answerable);
  const found = answerable.filter((one) =>
    ranked(one, coefficients)
      .slice(0, k)
      .some(({ isRight }) => isRight),
  );
  return (found.length / answerable.length).toFixed(3);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

for (const mode of MODES) {
  const cases = await casesOf(mode);
  report(`${mode}, as it is`, cases, coefficientsOf(config.models.embedder)[mode]);
  const fitted = fit(cases);
  report(`${mode}, fitted anew: [${fitted.map((value) => Number(value.toPrecision(5))).join(', ')}]`, cases, fitted);
}
await db.destroy();

function report(title: string, cases: readonly Case[], coefficients: readonly number[]): void {
  say(title);
  for (const tenant of TENANTS) {
    const own = cases.filter((one) => one.tenant === tenant);
    const ofOthers = fit(cases.filter((one) => one.tenant !== tenant));
    for (const set of QUESTION_SETS) {
      const some = own.filter((one) => one.set === set);
      const figures = [1, 3, 5, 10].map((k) => `${recall(some, coefficients, k)} (${recall(some, ofOthers, k)})`);
      say(`  ${tenant} ${set}: right among the first 1, 3, 5, 10 (fitted on the other tenant): ${figures.join(' ')}`);
    }
  }
  for (const threshold of THRESHOLDS) {
    const shown = cases.map((one) => ({ one, shown: ranked(one, coefficients).slice(0, SHOWN) }));
    const refused = (sets: readonly string[]) => {
      const none = shown.filter(({ one }) => !one.question.answerable && sets.includes(one.set));
      const rightly = none.filter((some) => some.shown.every(({ score }) => score < threshold));
      return `${((100 * rightly.length) / none.length).toFixed(1)} %`;
    };
    const lost = QUESTION_SETS.map((set) => {
      const right = shown.flatMap((some) => {
        const best = some.one.set === set ? some.shown.find(({ isRight }) => isRight) : undefined;
        return best ? [best] : [];
      });
      return `${set} ${((100 * right.filter(({ score }) => score < threshold).length) / right.length).toFixed(1)} %`;
    });
    say(
      `  from ${threshold} on: right refusals ${refused(QUESTION_SETS)}, of foreign questions ${refused(['foreign'])}, lost ${lost.join(', ')}`,
    );
  }
}
