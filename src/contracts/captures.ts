/** Texts of some answers, kept because their tenant asked for it. Types only. */
import type { AnswerTexts } from './judge.js';
import type { AnswerMoment } from './paging.js';
import type { AnswerRecord } from './registry.js';

/** That an answer's texts were kept, without them. */
export interface CaptureInfo {
  readonly answerId: string;
  readonly deployment: string;
  readonly adapter: string | null;
  /** Milliseconds since the epoch, of the answer. */
  readonly createdAt: number;
  /** Pieces of personal data that were blanked out before it was written. */
  readonly redacted: number;
}

export interface Capture extends CaptureInfo {
  readonly question: string;
  readonly answer: string;
  /** As the model was given them. */
  readonly passages: readonly { readonly fileId: string | null; readonly title: string; readonly text: string }[];
}

/** Keeps the texts of an answer where its tenant's policy says so. Never throws, never waits. @param user as the client names them */
export type CaptureAnswer = (record: AnswerRecord, texts: AnswerTexts, user: string | null) => void;

/** Each call about an answer that was not kept, or is another tenant's, ends with `not_found`. */
export interface Captures {
  readonly capture: CaptureAnswer;
  /** The newest first. @param before null: from the newest on */
  list(
    tenant: string,
    page: { readonly limit: number; readonly before: AnswerMoment | null },
  ): Promise<readonly CaptureInfo[]>;
  /** A line of the audit log says that it was read, and by whom, before the texts are given. */
  read(tenant: string, answerId: string): Promise<Capture>;
  remove(tenant: string, answerId: string): Promise<void>;
  /** @returns how many there were */
  forgetUser(tenant: string, user: string): Promise<number>;
  /** Deletes what holds a passage of these files. @returns how many there were */
  forgetDocuments(tenant: string, fileIds: readonly string[]): Promise<number>;
}
