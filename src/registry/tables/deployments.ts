/** Rows of deployments, and of what they answer by. */
import type { RolloutEvent } from '../../contracts/rollouts.js';
import type { Json } from './json.js';

export interface DeploymentRow {
  tenant: string;
  name: string;
  adapter: string | null;
  stableVersion: number | null;
  canaryVersion: number | null;
  canaryWeight: number;
  canaryGroups: Json;
  shadowWeight: number;
  /** 1 where there is a stable version to go back to; `previousVersion` null then means the bare base. */
  hasPrevious: 0 | 1;
  previousVersion: number | null;
  rollout: Json | null;
  experiment: Json | null;
  instructions: string;
  /** null: the gateway's default. */
  engine: string | null;
  retrieval: Json;
  generation: Json;
  /** `PolicyRef` as JSON; null: none. */
  policy: Json | null;
  /** Names. */
  tools: Json;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

export interface RolloutEventRow {
  tenant: string;
  deployment: string;
  revision: number;
  type: RolloutEvent['type'];
  actor: string;
  reason: string | null;
  served: Json;
  evidence: Json | null;
  report: Json | null;
  idempotencyKey: string | null;
  createdAt: number;
}

export interface ToolRow {
  tenant: string;
  name: string;
  description: string;
  parameters: Json;
  url: string;
  method: 'GET' | 'POST';
  mcpTool: string | null;
  secret: string | null;
  timeoutMs: number;
  createdAt: number;
  updatedAt: number;
}

export interface WebhookRow {
  id: string;
  tenant: string;
  url: string;
  events: Json;
  secret: string;
  /** Before the last rotation; it signs until then. */
  previousSecret: string | null;
  previousUntil: number | null;
  createdAt: number;
  lastAt: number | null;
  lastError: string | null;
}

export interface PolicyRow {
  tenant: string;
  name: string;
  revision: number;
  rules: Json;
  createdAt: number;
}
