/** Which version of a deployment answers a request. Types only. */
import type { ExperimentArm } from './experiments.js';
import type { Arm, AssignedBy, Deployment } from './registry.js';

/** What the caller asked for by header or by `model`; all null: the weight decides. */
export interface RouteOverride {
  /** Header `x-canary`. Without a canary, `always` is answered by the stable version, and the arm says so; either is no part of an experiment. */
  readonly canary: 'always' | 'never' | null;
  /** Header `x-adapter-version`, or `assistant@3` as `model`. Goes before `canary`. */
  readonly version: number | null;
}

interface Assignment {
  readonly arm: Arm;
  /** null: the bare base model. */
  readonly version: number | null;
  readonly assignedBy: Exclude<AssignedBy, 'shadow'>;
  /** Of an experiment: what is other than the deployment's. Nothing where it is left out. */
  readonly changes?: ExperimentArm;
}

interface AssignmentRequest {
  readonly deployment: Deployment;
  /** Whoever must not flip between versions: a user, a conversation. To hash who asks is work, which a deployment with a canary alone needs. */
  readonly unit: () => string;
  /** Of the caller; null: not known. */
  readonly groups: readonly string[] | null;
  readonly override: RouteOverride;
}

/**
 * Sticky and monotone: a unit keeps its arm as long as the weight stays, and raising the weight moves nobody back to
 * the stable version. In an experiment it keeps its arm to the end, and who shared one in the experiment before is spread anew. Whether a pinned version exists is for the registry to say.
 * @throws AppError `model_not_found` where a version is pinned on a deployment without an adapter
 */
export type AssignArm = (request: AssignmentRequest) => Assignment;

/** What a request tells about who sent it, as far as it does; empty texts count as missing. */
export interface StickinessHints {
  /** Header `x-conversation-id`. */
  readonly conversationHeader?: string | undefined;
  /** `metadata.conversation_id`. */
  readonly conversationId?: string | undefined;
  readonly user?: string | undefined;
  readonly safetyIdentifier?: string | undefined;
  readonly keyId: string;
  /** Text of the first user message: it stays the same while a conversation grows. */
  readonly firstUserMessage: string;
}

/**
 * The unit of stickiness: the first hint that is there, in their order, else the key with a hash of the first user message.
 * What many users may share, as a key or a `prompt_cache_key`, is none: one unit of all traffic has the whole weight or nothing of it.
 */
export type StickyUnit = (hints: StickinessHints) => string;
