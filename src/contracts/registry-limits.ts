/** What scopes, names and texts the registry accepts: it checks them, and the schemas of the surfaces declare them. */

// biome-ignore format: one list
export const SCOPES = [
  'inference', 'documents', 'route', 'groups', 'metrics', 'release', 'tenant-admin', 'admin',
] as const;

export const SIGNER_PURPOSES = ['groups', 'adapters'] as const;

export const VERSION_STATUSES = ['candidate', 'approved', 'quarantined', 'revoked', 'retired'] as const;

type VersionStatus = (typeof VERSION_STATUSES)[number];

/** What may follow which status. */
export const NEXT_STATUSES: Readonly<Record<VersionStatus, readonly Exclude<VersionStatus, 'candidate'>[]>> = {
  candidate: ['approved', 'quarantined', 'revoked', 'retired'],
  approved: ['quarantined', 'revoked', 'retired'],
  quarantined: ['approved', 'revoked', 'retired'],
  revoked: [],
  retired: ['approved', 'revoked'],
};

/** Names end up in URLs, labels of metrics and `name@version`, so they are plain. */
export const NAME_PATTERN = '^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$';

/** Of an alias; it stands where a version's number may stand, so it begins with a letter. */
export const ALIAS_PATTERN = '^[a-z](?:[a-z0-9._-]{0,61}[a-z0-9])?$';

/** Names of groups are whoever made them's; a header lists them with commas between. */
export const GROUP_PATTERN = '^[!-+\\--~](?:[ -+\\--~]{0,126}[!-+\\--~])?$';
/** Of a document, and of a caller. */
export const MAX_ALLOWED_GROUPS = 64;
export const MAX_CALLER_GROUPS = 256;
/** Stores that one search may be about. */
export const MAX_SEARCHED_STORES = 8;

/** In characters. */
export const MAX_TENANT_NAME = 200;
export const MAX_KEY_LABEL = 200;
/** How far ahead a key may expire, and how long the secret before its rotation may go on opening. */
export const MAX_KEY_LIFE_MS = 10 * 366 * 24 * 3_600_000;
/** How long a gateway's share of a limit holds without a word of the server. */
export const SHARE_MS = 60_000;

export const MAX_KEY_GRACE_MS = 30 * 24 * 3_600_000;
export const MAX_INSTRUCTIONS = 8000;
export const MAX_COMMENT = 4000;
export const MAX_REASON = 1000;

/** What a deployment's generation defaults may be; `maxTokens` is no more than any context. */
export const GENERATION_LIMITS = {
  temperature: { minimum: 0, maximum: 2, description: '0 always takes the likeliest token.' },
  topP: { minimum: 0, maximum: 1, description: '1: off.' },
  topK: { minimum: 0, maximum: 1_000_000, isInteger: true, description: '0: off.' },
  minP: { minimum: 0, maximum: 1, description: '0: off.' },
  repetitionPenalty: { minimum: 0.01, maximum: 10, description: '1: off.' },
  presencePenalty: { minimum: -2, maximum: 2, description: '0: off.' },
  frequencyPenalty: { minimum: -2, maximum: 2, description: '0: off.' },
  maxTokens: { minimum: 1, maximum: 1_000_000, isInteger: true, description: 'Most tokens of a chat or a response.' },
} as const;

/** What was wrong with an answer. Whoever changes the list counts the version up: labels of two versions do not compare. */
// biome-ignore format: one list
export const FEEDBACK_CATEGORIES = [
  'wrong', 'incomplete', 'unsupported', 'wrong_citation', 'refused_wrongly', 'outdated', 'unsafe', 'style', 'other',
] as const;
export const LABEL_SCHEMA = 1;
// biome-ignore format: one list
export const REVIEW_REASONS = [
  'low_groundedness', 'thumbs_down', 'refused_with_evidence', 'correction', 'disagreement',
] as const;
/** Of a correction: messages, and characters of all of them and the answer. */
export const MAX_CORRECTION_MESSAGES = 64;
export const MAX_CORRECTION = 64_000;

/** Of records of answers. */
export const MAX_RETENTION_DAYS = 3650;
export const MAX_KEPT_ANSWERS = 1_000_000_000;

export const MAX_ADAPTER_VERSION = 1_000_000;

/** Of a digest. */
export const SHA256_PATTERN = '^[0-9a-f]{64}$';
/** Of a version's lineage: texts in characters, hyperparameters as JSON. */
export const MAX_DESCRIPTION = 4000;
export const MAX_TRAINER = 200;
export const MAX_LICENSE = 200;
export const MAX_HYPERPARAMETERS = 64_000;
export const MAX_FIGURES = 100;
/** Of one version. */
export const MAX_EVALUATIONS = 100;
/** Evaluations of one tenant that wait or run; and of one of them, the questions, and the characters of a question. */
export const MAX_EVALUATION_RUNS = 10;
export const MAX_EVAL_QUESTIONS = 5000;
export const MAX_EVAL_QUESTION = 8000;

/**
 * What a comparison of versions is called among the evaluations of the newer one. Its figures `against` (the other version, 0 for the
 * base) and `outcome` (1 pass, 0 inconclusive, -1 fail) are what a rollout that requires one goes by.
 */
export const comparisonName = (deployment: string): string => `compare in ${deployment}`;

/** That get a canary whatever its weight. */
export const MAX_CANARY_GROUPS = 64;
/** What is done to a deployment, as its events call it. */
// biome-ignore format: one list
export const ROLLOUT_EVENTS = [
  'adopted', 'deployed', 'canary_set', 'started', 'advanced', 'paused', 'resumed', 'promoted', 'rolled_back',
  'experiment_started', 'experiment_ended',
] as const;
/** Of a tenant; and how long a secret signs beside the one that took its place. */
export const MAX_WEBHOOKS = 10;
export const WEBHOOK_GRACE_MS = 24 * 3_600_000;
export const MAX_ROLLOUT_STEPS = 20;
/** Of one step. */
export const MAX_STEP_ANSWERS = 1_000_000;
export const MAX_STEP_MS = 30 * 24 * 3_600_000;
/** How much worse a metric may be: a share, or a ratio over 1. */
export const MAX_TOLERANCE = 0.99;
/** Arms of every deployment. Those of an experiment have other names. */
export const ARMS = ['stable', 'canary', 'pinned', 'base'] as const;
/** What arms of an experiment are compared by. */
export const GOALS = ['feedback', 'accepted', 'groundedness', 'cost'] as const;
export const MAX_EXPERIMENT_ARMS = 6;
/** Answers of one experiment, of all arms together: as many as are judged. */
export const MAX_JUDGED_ANSWERS = 20_000;

/** Responses that one may go on from. */
export const MAX_TURNS = 200;
/** Items of a conversation that a response can begin with. */
export const MAX_ITEMS = 1000;

/** Limits of what tenants and keys may use: the numbers that are accepted, and what each is a limit of. */
export const LIMITS = {
  requestsPerMinute: { minimum: 1, maximum: 1_000_000_000, description: 'Requests in any 60 seconds.' },
  tokensPerMinute: {
    minimum: 0,
    maximum: 1_000_000_000_000,
    description: 'Tokens of prompts and answers in any 60 seconds, as many set aside as an answer may take at most.',
  },
  tokensPerMonth: {
    minimum: 0,
    maximum: 1_000_000_000_000,
    description: 'Tokens of prompts and answers in a calendar month (UTC).',
  },
  concurrentRequests: { minimum: 0, maximum: 1_000_000, description: 'Requests that compute something at once.' },
  queuedRequests: {
    minimum: 0,
    maximum: 1_000_000,
    description: 'Further ones that wait for one of those to end, where `concurrentRequests` is set; without it, none.',
  },
  storedBytes: { minimum: 0, maximum: 1_000_000_000_000_000, description: 'Bytes of the files that are kept.' },
  storedPassages: {
    minimum: 0,
    maximum: 1_000_000_000_000,
    description: 'Passages of the documents that are kept in vector stores.',
  },
} as const;
export const KEY_LIMITS = [
  'requestsPerMinute',
  'tokensPerMinute',
  'tokensPerMonth',
  'concurrentRequests',
  'queuedRequests',
] as const;
export const TENANT_LIMITS = [...KEY_LIMITS, 'storedBytes', 'storedPassages'] as const;

/** What usage can be told apart by. */
export const USAGE_DIMENSIONS = ['tenant', 'key', 'deployment', 'version', 'day'] as const;
