/** Who judges answers. Types only. */
import type { AnswerRecord } from './registry.js';

/** Texts of an answer: in memory until it is judged, and nowhere else. */
export interface AnswerTexts {
  /** Empty: nothing was asked, as where code is completed. */
  readonly question: string;
  readonly answer: string;
  /** As the model was given them, in the order of the record's. */
  readonly passages: readonly {
    /** Its headings, or the name of its file. */
    readonly title: string;
    readonly text: string;
  }[];
  /** Where a marker stands in the answer, in UTF-16 units, and the index of the passage that it names. */
  readonly marks: readonly { readonly start: number; readonly end: number; readonly passage: number }[];
  /** Of the tokens that were drawn; null: not known. */
  readonly logprobs: { readonly mean: number; readonly least: number } | null;
}

/** Judges answers once they are given. Never throws, never waits: under load answers are left out, and counted. */
export type JudgeAnswer = (record: AnswerRecord, texts: AnswerTexts) => void;
