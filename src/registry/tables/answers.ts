/** Rows of what is recorded of answers, and said of them. */
import type { Json } from './json.js';

export interface AnswerRow {
  id: string;
  requestId: string;
  tenant: string;
  keyId: string;
  deployment: string;
  adapter: string | null;
  adapterDigest: string | null;
  arm: string;
  outcome: string;
  passages: Json;
  /** `SafetyRecord`; null: no policy. */
  safety: Json | null;
  /** `ToolRun`s; null: none. */
  tools: Json | null;
  storeSnapshot: string | null;
  promptTokens: number;
  completionTokens: number;
  durationMs: number;
  firstTokenMs: number | null;
  createdAt: number;
  version: number | null;
  assignedBy: string;
  pair: string | null;
  deploymentRevision: number | null;
  finishReason: string | null;
  queueMs: number | null;
  retrievalMs: number | null;
  prefillMs: number | null;
  decodeMs: number | null;
  cachedTokens: number | null;
  baseDigest: string | null;
  promptDigest: string | null;
  engine: string | null;
  userHash: Buffer | null;
}

/** What an answer was worth; `null` where there was nothing to judge it by. */
export interface SignalsRow {
  answerId: string;
  groundedness: number | null;
  leastGrounded: number | null;
  citationValidity: number | null;
  citationCoverage: number | null;
  numbersGrounded: number | null;
  refused: 0 | 1;
  truncated: 0 | 1;
  words: number;
  repeatedNgrams: number | null;
  meanLogprob: number | null;
  leastLogprob: number | null;
  topScore: number | null;
  scoreGap: number | null;
  language: string | null;
  questionLanguage: string | null;
  sentiment: number | null;
  cluster: number | null;
  computedAt: number;
}

export interface FeedbackRow {
  answerId: string;
  keyId: string;
  rating: 'up' | 'down' | null;
  score: number | null;
  categories: Json;
  comment: string | null;
  messages: Json | null;
  correctedAnswer: string | null;
  createdAt: number;
}

export interface ReviewRow {
  answerId: string;
  verdict: 'accepted' | 'corrected' | 'rejected';
  labels: Json;
  schemaVersion: number;
  note: string | null;
  messages: Json | null;
  correctedAnswer: string | null;
  /** Id of the key. */
  reviewer: string;
  createdAt: number;
}
