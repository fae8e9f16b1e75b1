/** Shapes of `/v1` that the console reads; those of `/admin` are the contracts' own, but for what is told of jobs. */
import type { AnswerScore, EvaluationRun } from '../contracts/evaluations.js';
import type { ExperimentReport } from '../contracts/experiments.js';
import type { ModelImport, ModelImports } from '../contracts/model-imports.js';
import type { Deployment, Scope } from '../contracts/registry.js';
import type { Verdict } from '../contracts/rollouts.js';

export interface KeyInfo {
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
}

export interface UsageSums {
  readonly answers: number;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

export interface UsageWire {
  readonly data: readonly (UsageSums & { readonly deployment?: string; readonly version?: string })[];
  readonly total: UsageSums;
  readonly stored: { readonly bytes: number; readonly passages: number };
  readonly limits: Readonly<Record<string, number | null>>;
}

export interface RolloutStatus {
  readonly deployment: Deployment;
  readonly verdict: Verdict;
}

export interface ExperimentStatus {
  readonly report: ExperimentReport | null;
}

export type EvaluationRunWire = Omit<EvaluationRun, 'leftMs'> & {
  readonly progress: number;
  readonly estimatedSecondsLeft: number | null;
};

export interface EvaluationAnswerWire {
  readonly id: string;
  readonly question: string;
  readonly answer: string | null;
  readonly right: boolean;
  readonly score: AnswerScore;
}

export type ModelWire = Awaited<ReturnType<ModelImports['models']>>[number];

export type ModelImportWire = Omit<ModelImport, 'leftMs'>;

export interface Store {
  readonly id: string;
  readonly name: string;
  readonly usage_bytes: number;
  readonly status: string;
  readonly file_counts: { readonly in_progress: number; readonly failed: number; readonly total: number };
}

export interface StoreFile {
  readonly id: string;
  readonly status: 'in_progress' | 'completed' | 'failed' | 'cancelled';
  readonly last_error: { readonly message: string } | null;
  readonly usage_bytes: number;
  readonly passages: number;
  readonly path: string | null;
  readonly created_at: number;
}

export interface FileInfo {
  readonly id: string;
  readonly filename: string;
}

export interface Job {
  readonly subject: string;
  readonly status: string;
  readonly progress: number;
  readonly estimated_seconds_left: number | null;
}

export interface Found {
  readonly file_id: string;
  readonly filename: string;
  readonly score: number;
  readonly content: readonly { readonly text: string }[];
  readonly heading_path: readonly string[];
}

export interface Citation {
  readonly marker: string;
  readonly content: string;
  readonly title: string;
  readonly filepath: string;
  readonly chunk_id: string;
}

export interface Receipt {
  readonly id: string;
  readonly request_id: string;
  readonly deployment: string;
  readonly deployment_revision: number | null;
  readonly adapter: string | null;
  readonly adapter_digest: string | null;
  readonly engine: string | null;
  readonly arm: string;
  readonly assigned_by: string;
  readonly store_snapshot: string | null;
  readonly passages: readonly { readonly id: string; readonly score: number }[];
  readonly safety: {
    readonly policy: string;
    readonly decisions: readonly {
      readonly stage: string;
      readonly rule: string;
      readonly action: string;
      readonly count: number;
    }[];
  } | null;
  readonly outcome: string;
  readonly finish_reason: string | null;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly cached_tokens: number | null;
    readonly completion_tokens: number;
  };
  readonly timings_ms: Readonly<
    Record<'queue' | 'retrieval' | 'prefill' | 'decode' | 'first_token' | 'total', number | null>
  >;
}

export interface ChatChunk {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly {
    readonly delta: { readonly content?: string; readonly context?: { readonly citations: readonly Citation[] } };
    readonly finish_reason: string | null;
  }[];
  readonly receipt?: Receipt;
}
