/** Records of answers. Types only. */
import type { ToolRun } from './http-tools.js';
import type { AnswerSignals } from './quality.js';
import type { ARMS } from './registry-limits.js';
import type { SafetyRecord } from './safety.js';

/** Of an experiment, its own name. */
export type Arm = (typeof ARMS)[number] | (string & Record<never, never>);

/**
 * Why an answer came from its version: the weight of the rollout, `x-canary`, a group that its caller is in, a version that was asked
 * for, a copy of the traffic that nobody saw, or the weights of an experiment. Only those by weight, and their copies, may be compared
 * with each other, and those of one experiment: who asks for a version is no sample, nor is who was chosen.
 */
export type AssignedBy = 'weight' | 'header' | 'group' | 'pin' | 'shadow' | 'experiment';

/** A passage that the model was given. */
export interface GivenPassage {
  readonly id: string;
  readonly score: number;
  /** Left out in records of before: the file, and the range of its bytes that the passage is. */
  readonly fileId?: string;
  readonly byteStart?: number;
  readonly byteEnd?: number;
}

/** One answer's record: written for every request, aborted ones too. Holds no prompt and no passage text. */
export interface AnswerRecord {
  readonly id: string;
  readonly requestId: string;
  readonly tenant: string;
  readonly keyId: string;
  readonly deployment: string;
  readonly adapter: string | null;
  readonly adapterDigest: string | null;
  /** null, here and below, in records of before. */
  readonly baseDigest: string | null;
  /** Of what the gateway itself says in a prompt: its rules, and the instructions of the deployment. */
  readonly promptDigest: string | null;
  /** That gave it: `embedded`, or the name of a pool. */
  readonly engine: string | null;
  /** Of the adapter; null: the bare base model. */
  readonly version: number | null;
  readonly arm: Arm;
  readonly assignedBy: AssignedBy;
  /** Of an answer whose question the canary answers again, and of that copy: the id of the one that was seen. Of others null, or left out. */
  readonly pair?: string | null;
  /** null: the base model itself was asked for. */
  readonly deploymentRevision: number | null;
  readonly outcome: string;
  /** `content_filter`: its policy refused it, or ended it; null: it did not come to its end. */
  readonly finishReason: 'stop' | 'length' | 'tool_calls' | 'content_filter' | null;
  readonly passages: readonly GivenPassage[];
  readonly storeSnapshot: string | null;
  /** What the deployment's policy decided; null: it has none. */
  readonly safety: SafetyRecord | null;
  /** Calls that the gateway made for it, in the order in which they ended; none where it is left out. */
  readonly tools?: readonly ToolRun[];
  readonly promptTokens: number;
  /** Of the prompt, found in the prefix cache; null, here and below: it did not come so far. */
  readonly cachedTokens: number | null;
  readonly completionTokens: number;
  readonly durationMs: number;
  readonly firstTokenMs: number | null;
  readonly queueMs: number | null;
  /** Search for its passages; null also where there was none. */
  readonly retrievalMs: number | null;
  readonly prefillMs: number | null;
  readonly decodeMs: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Answers that have something in common; means and shares, null where nothing is known. */
export interface QualityGroup {
  /** A version, a day, a topic's number, a document's id. */
  readonly name: string;
  readonly answers: number;
  readonly groundedness: number | null;
  readonly citationValidity: number | null;
  readonly refusals: number | null;
  readonly truncations: number | null;
  readonly words: number | null;
  readonly firstTokenMs: number | null;
  readonly thumbsDown: number;
}

export interface QualityReport {
  readonly versions: readonly QualityGroup[];
  readonly days: readonly QualityGroup[];
  /** Each version's days: `name` is the day. */
  readonly trends: readonly (QualityGroup & { readonly version: string })[];
  /** The least grounded first. */
  readonly worstTopics: readonly QualityGroup[];
  /** Answers that were given a passage of the document, the least grounded first, ten at most; `name` is the file's id. */
  readonly worstDocuments: readonly QualityGroup[];
}

/** What a deployment's answers are compared with. */
export interface KeptBaseline {
  readonly text: string;
  /** Tells it from the one before a reset. */
  readonly createdAt: number;
}

/** Records of answers, and what they were worth. */
export interface Answers {
  /**
   * Found by `getAnswer` at once; on the disk when it resolves, a group of records at a time. `close` waits for all; what
   * ends the process at once (`kill -9`) takes the last group with it.
   * @param user who asked, as the client names its users: only a keyed hash of it is kept, for `forgetUser`
   */
  recordAnswer(record: AnswerRecord, user?: string | null): Promise<void>;
  /** @throws AppError `not_found` where the answer is not this tenant's */
  getAnswer(tenant: string, id: string): Promise<AnswerRecord>;
  /** Of the answers that came to their end since then. */
  qualityReport(tenant: string, deployment: string, sinceMs: number): Promise<QualityReport>;
  /** When the baseline was kept that `getBaseline` gives: asked with every answer that is judged. null: there is none. */
  baselineTime(tenant: string, deployment: string): Promise<number | null>;
  /** What a deployment's answers are compared with, as quality wrote it; null: there is none yet. */
  getBaseline(tenant: string, deployment: string): Promise<KeptBaseline | null>;
  /** @returns when it was kept */
  putBaseline(tenant: string, deployment: string, text: string): Promise<number>;
  /** The next answers make a new one. @throws AppError `not_found` where there is none */
  resetBaseline(tenant: string, deployment: string): Promise<void>;
  /** Deletes the records of one user's answers, with signals, feedback and reviews. @returns how many there were */
  forgetUser(tenant: string, user: string): Promise<number>;
  /** Deletes records that are too old or too many, by each tenant's policy. @returns how many there were */
  expireAnswers(defaults: { readonly retentionDays: number; readonly maxAnswers: number }): Promise<number>;
  /** With the next group of records; nothing where the record itself was not kept. */
  recordSignals(signals: AnswerSignals): Promise<void>;
  /** null: not judged, or not yet. @throws AppError `not_found` as `getAnswer` */
  getSignals(tenant: string, answerId: string): Promise<AnswerSignals | null>;
}
