/** Rows of texts that are kept because their tenant wants it. */
import type { Json } from './json.js';

export interface ResponseRow {
  id: string;
  tenant: string;
  audience: string;
  previousId: string | null;
  status: string;
  input: Json;
  body: Json;
  task: Json | null;
  userHash: Buffer | null;
  createdAt: number;
}

export interface ConversationRow {
  id: string;
  tenant: string;
  audience: string;
  metadata: Json;
  createdAt: number;
}

export interface ConversationItemRow {
  conversation: string;
  /** Grows along the conversation. */
  position: number;
  id: string;
  item: Json;
  userHash: Buffer | null;
  createdAt: number;
}

export interface EvaluationRunRow {
  id: string;
  tenant: string;
  adapter: string;
  version: number;
  deployment: string;
  task: Json;
  questions: Json;
  dataDigest: string;
  startedBy: string;
  figures: Json | null;
  report: number | null;
  createdAt: number;
}

export interface EvaluationAnswerRow {
  run: string;
  position: number;
  score: Json;
  text: string | null;
  answeredAt: number;
}

export interface BatchRow {
  id: string;
  tenant: string;
  createdAt: number;
  isOver: 0 | 1;
  body: Json;
}
