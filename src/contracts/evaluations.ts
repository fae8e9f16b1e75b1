/** Evaluations of adapter versions that the gateway runs behind everything else. Types only. */
import type { Lease } from '../jobs/jobs.js';
import type { Job } from './jobs.js';
import type { ChangedBy } from './rollouts.js';

/** One held-out question. */
export interface EvalQuestion {
  readonly id: string;
  readonly question: string;
  readonly answerable: boolean;
  /** Spellings of the fact, any of which an answer must hold; empty where there is no answer. */
  readonly accept: readonly string[];
  /** File name of the document that holds the fact. */
  readonly document: string | null;
  /** The heading under which the fact stands, for people who check. */
  readonly heading: string | null;
}

/** What one answer is worth. */
export interface AnswerScore {
  readonly answerable: boolean;
  /** A passage that holds the fact was given. */
  readonly found: boolean;
  /** The answer holds the fact. */
  readonly fact: boolean;
  /** The first marker behind the fact names a passage that holds it. */
  readonly factCited: boolean;
  readonly citations: number;
  /** Markers of passages that hold the fact. */
  readonly rightCitations: number;
  readonly refused: boolean;
  /** Numbers in the answer, markers apart, and how many of them stand in the passages. */
  readonly numbers: number;
  readonly groundedNumbers: number;
}

/** What is asked of which version, and how. */
export interface EvaluationTask {
  readonly tenant: string;
  readonly adapter: string;
  readonly version: number;
  /** Whose instructions, documents and policy the version answers with. */
  readonly deployment: string;
  /** What the report will be called among the evaluations of the version. */
  readonly name: string;
  /** null: as the deployment has it. */
  readonly retrieval: {
    readonly enabled: boolean;
    readonly topK: number | null;
    readonly minScore: number | null;
  } | null;
}

export type NewEvaluationRun = Omit<EvaluationTask, 'deployment' | 'name'> & {
  /** Left out: the only one that has this adapter. */
  readonly deployment?: string | undefined;
  readonly name?: string | undefined;
  readonly questions: readonly EvalQuestion[];
};

/** As long as its job is known: a week from its end on. The report stays with the version. */
export interface EvaluationRun
  extends EvaluationTask,
    Pick<Job, 'status' | 'attempts' | 'error' | 'createdAt' | 'startedAt' | 'finishedAt' | 'leftMs'> {
  readonly id: string;
  readonly questions: number;
  readonly answered: number;
  /** SHA-256 of the questions, hex. */
  readonly dataDigest: string;
  /** Id of a key, or `operator`. */
  readonly startedBy: string;
  /** Shares from 0 to 1; null until it is completed. */
  readonly figures: Readonly<Record<string, number>> | null;
  /** Number of the report among the evaluations of the version; null: not yet, or there was no room for it. */
  readonly report: number | null;
}

/** What became of one question. */
interface EvaluationAnswer {
  /** Of the question, from 0 on. */
  readonly position: number;
  readonly score: AnswerScore;
  /** null: the tenant's data policy keeps no answers, or documents were purged since. */
  readonly text: string | null;
}

/** Evaluations that run, and those that are over. One of another tenant is `not_found`. */
export interface EvaluationRuns {
  /**
   * Durable when it resolves: a job of the kind `evaluation` is about it. The same one twice is begun once, unless the first is over.
   * @throws AppError `not_found`, `invalid_value` where the version cannot be asked, or too many wait
   */
  startEvaluationRun(run: NewEvaluationRun, by?: ChangedBy): Promise<EvaluationRun>;
  getEvaluationRun(tenant: string, id: string): Promise<EvaluationRun>;
  /** The newest first. */
  listEvaluationRuns(tenant: string): Promise<readonly EvaluationRun[]>;
  /** Calls it off; one that is over stays as it is. */
  cancelEvaluationRun(tenant: string, id: string): Promise<EvaluationRun>;
  /** In the order of the questions, from a position on. */
  listEvaluationAnswers(
    tenant: string,
    id: string,
    page: { readonly from: number; readonly limit: number },
  ): Promise<readonly (EvaluationAnswer & { readonly question: EvalQuestion })[]>;

  /** For who works on it; null: its version was deleted since. */
  findEvaluationRun(lease: Lease): Promise<{
    readonly run: EvaluationRun;
    readonly questions: readonly EvalQuestion[];
  } | null>;
  /** What is known of a run that is worked on: by position. */
  listEvaluationScores(id: string): Promise<ReadonlyMap<number, AnswerScore>>;
  /** Kept where the lease counts still. */
  addEvaluationAnswer(lease: Lease, answer: EvaluationAnswer): Promise<void>;
  /** Ends the job, and keeps the report with the version, in one transaction. @param figures null: there is no version any more */
  finishEvaluationRun(lease: Lease, figures: Readonly<Record<string, number>> | null): Promise<void>;

  /** Answers may hold what documents say. */
  forgetEvaluationTexts(tenant: string): Promise<void>;
  /** Forgets runs whose jobs are forgotten. */
  expireEvaluationRuns(): Promise<void>;
}
