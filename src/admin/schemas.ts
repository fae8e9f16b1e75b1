/** Shapes of the admin API: the registry's own, in camelCase like the configuration. Times are milliseconds since the epoch. */
import { Type } from 'typebox';
import {
  ALIAS_PATTERN,
  GROUP_PATTERN,
  MAX_ADAPTER_VERSION,
  MAX_CALLER_GROUPS,
  MAX_CANARY_GROUPS,
  MAX_DESCRIPTION,
  MAX_FIGURES,
  MAX_INSTRUCTIONS,
  MAX_KEY_GRACE_MS,
  MAX_KEY_LABEL,
  MAX_LICENSE,
  MAX_REASON,
  MAX_TENANT_NAME,
  MAX_TRAINER,
  NAME_PATTERN,
  SCOPES,
  SHA256_PATTERN,
  SIGNER_PURPOSES,
  VERSION_STATUSES,
} from '../contracts/registry-limits.js';
import { ExperimentSchema } from './experiment-schemas.js';
import { RolloutSchema } from './plan-schemas.js';
import { GenerationSchema, PolicyRefSchema, RetrievalSchema } from './setting-schemas.js';

const closed = { additionalProperties: false } as const;
export const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const Version = Type.Integer({ minimum: 1, maximum: MAX_ADAPTER_VERSION });
const Name = Type.String({ pattern: NAME_PATTERN });
export const Weight = Type.Number({ description: 'Percentage of traffic for the canary.', minimum: 0, maximum: 100 });
export const Time = Type.Integer({ description: 'Milliseconds since the epoch.' });
const ScopeSchema = Type.Enum([...SCOPES], {
  description:
    '`route` may pin a version or force an arm by header; `groups` may say by header which groups the caller is in; `release` is what this API has of versions and deployments, `tenant-admin` all of it, both for the tenant of the key; `admin` is all of it for every tenant.',
});

export const TenantParams = Type.Object({ tenant: Type.String() });
export const KeyParams = Type.Object({ tenant: Type.String(), keyId: Type.String() });
export const CanaryGroups = Type.Array(Type.String({ pattern: GROUP_PATTERN }), {
  maxItems: MAX_CANARY_GROUPS,
  description: 'Callers in one of these groups get the canary whatever the weight. They are never judged.',
});
export const ShadowWeight = Type.Number({
  description:
    "Percentage of the stable version's answers whose questions the canary answers again: from the same passages, behind everything else, seen and paid by nobody, to be compared.",
  minimum: 0,
  maximum: 100,
});

export const DeploymentParams = Type.Object({ tenant: Type.String(), name: Type.String() });

const TenantName = Type.String({ maxLength: MAX_TENANT_NAME });
const Revision = Type.Integer({ description: 'Grows by one with every change.' });
export const TenantBody = Type.Object({ id: Name, name: TenantName }, closed);
export const TenantNameBody = Type.Object({ name: TenantName }, closed);
export const TenantSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Time,
  revision: Revision,
});

export const KeyBody = Type.Object(
  {
    label: Type.String({ maxLength: MAX_KEY_LABEL }),
    scopes: Type.Array(ScopeSchema, { minItems: 1, maxItems: SCOPES.length }),
    groups: Type.Optional(
      Type.Array(Type.String({ pattern: GROUP_PATTERN }), {
        maxItems: MAX_CALLER_GROUPS,
        description: 'Of whoever uses it: what they may see is found with it, beside what everybody may.',
      }),
    ),
    expiresAt: Type.Optional(nullable(Type.Integer({ description: 'Milliseconds since the epoch; null: never.' }))),
  },
  closed,
);
export const KeySchema = Type.Object({
  id: Type.String(),
  tenant: Type.String(),
  label: Type.String(),
  scopes: Type.Array(ScopeSchema),
  groups: Type.Array(Type.String()),
  createdAt: Time,
  revokedAt: nullable(Time),
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Type.Integer({ description: 'Milliseconds since the epoch, to a minute.' })),
  rotatedAt: nullable(Time),
  previousUntil: nullable(
    Type.Integer({
      description: 'Until when the secret before the last rotation opens, in milliseconds since the epoch.',
    }),
  ),
  revision: Type.Integer({ description: 'Grows by one with every change; that it is used is none.' }),
});
export const RotateBody = Type.Object(
  {
    graceMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_KEY_GRACE_MS,
        description: 'How long the secret of before opens still; by default not at all.',
      }),
    ),
  },
  closed,
);
export const ScopesBody = Type.Object(
  { scopes: Type.Array(ScopeSchema, { minItems: 1, maxItems: SCOPES.length }) },
  closed,
);
export const NewKeySchema = Type.Object({
  ...KeySchema.properties,
  secret: Type.String({ description: 'The key itself. It is shown this once and stored only as a hash.' }),
});

const PurposeSchema = Type.Enum([...SIGNER_PURPOSES], {
  description: 'What it signs: tokens that tell groups (default), or adapters.',
});

export const SignerParams = Type.Object({ tenant: Type.String(), name: Type.String() });
export const SignerBody = Type.Object(
  {
    name: Type.String({ pattern: NAME_PATTERN, description: 'The `kid` of its tokens.' }),
    publicKey: Type.String({ maxLength: 4096, description: 'PEM: Ed25519, P-256 or RSA; for adapters Ed25519.' }),
    purpose: Type.Optional(PurposeSchema),
  },
  closed,
);
export const SignerSchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  algorithm: Type.Enum(['EdDSA', 'ES256', 'RS256']),
  purpose: PurposeSchema,
  createdAt: Time,
});

const Any = Type.Unknown({ description: 'As this API shows it; null: it was not there, or is not any more.' });
const Hash = Type.String({ description: 'SHA-256 of a line, in hexadecimal.' });
export const AuditLineSchema = Type.Object({
  seq: Type.Integer({ description: 'From 1 on, without gaps.' }),
  at: Time,
  tenant: Type.String(),
  actor: Type.Object(
    {
      kind: Type.Enum(['key', 'system']),
      id: Type.String(),
      tenant: nullable(Type.String()),
      requestId: nullable(Type.String()),
      reason: nullable(Type.String()),
    },
    { description: 'Whoever asked for the change, with which request, and why, as `x-reason` said.' },
  ),
  action: Type.String(),
  subject: Type.String(),
  before: Any,
  after: Any,
  previous: Hash,
  hash: Hash,
});
export const AuditHeadSchema = nullable(
  Type.Object(
    {
      log: Type.String(),
      tenant: Type.String(),
      seq: Type.Integer(),
      hash: Hash,
      signature: Type.String({ description: 'Ed25519, base64.' }),
    },
    { description: 'How far the log goes. Kept elsewhere, it shows later whether lines were taken away.' },
  ),
);

/** Of every route that changes something. */
export const ChangeHeaders = Type.Object({
  'x-reason': Type.Optional(
    Type.String({
      maxLength: MAX_REASON,
      description: 'Why, for the audit log; percent-encoded UTF-8 where it is not ASCII.',
    }),
  ),
});

const Sha256 = Type.String({ pattern: SHA256_PATTERN });
const Figures = Type.Record(Type.String({ maxLength: MAX_TRAINER }), Type.Number(), { maxProperties: MAX_FIGURES });
const LineageProperties = {
  parent: nullable(
    Type.Object({ name: Name, version: Version }, { ...closed, description: 'What it was trained on from.' }),
  ),
  dataDigest: nullable(Type.String({ pattern: SHA256_PATTERN, description: 'SHA-256 of the training data.' })),
  trainer: nullable(Type.String({ maxLength: MAX_TRAINER, description: 'Program and version.' })),
  hyperparameters: nullable(Type.Record(Type.String(), Type.Unknown())),
  figures: Type.Record(Type.String({ maxLength: MAX_TRAINER }), Type.Number(), {
    maxProperties: MAX_FIGURES,
    description: 'Of the training: examples, tokens, the final loss.',
  }),
  description: nullable(Type.String({ maxLength: MAX_DESCRIPTION })),
  license: nullable(Type.String({ maxLength: MAX_LICENSE })),
};
const LineageSchema = Type.Object(LineageProperties, { description: 'Where it comes from; null: nobody said.' });
const LineageBody = Type.Object(Type.Partial(Type.Object(LineageProperties)).properties, {
  ...closed,
  description: "Where it comes from, beside what the folder's `training.json` says.",
});

const SignatureProperties = {
  signer: Type.Optional(Type.String({ description: 'Who signed it: a signer of adapters of this tenant.' })),
  signature: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'Ed25519 in base64, over what `sha256sum adapter_config.json adapter_model.safetensors` writes.',
    }),
  ),
};

const StatusSchema = Type.Enum([...VERSION_STATUSES], {
  description:
    'Candidates and approved versions may become canary and stable. Quarantined ones are reached by naming them, with the scope `route`. Revoked ones answer nobody, and retired ones are out of use.',
});

const AnyBase = Type.Optional(
  Type.Boolean({
    description:
      'Take it although `base_model_name_or_path` in its configuration is no name of the base model that runs. Shapes are checked all the same.',
    default: false,
  }),
);
export const AdapterBody = Type.Object(
  {
    name: Name,
    folder: Type.String({ description: 'PEFT folder on the machine of the gateway, absolute.', minLength: 1 }),
    version: Type.Optional(Version),
    lineage: Type.Optional(LineageBody),
    anyBase: AnyBase,
    ...SignatureProperties,
  },
  closed,
);
const File = (description: string) => Type.String({ format: 'binary', description });
export const UploadBody = Type.Object(
  {
    config: File('`adapter_config.json`, as PEFT writes it.'),
    weights: File('`adapter_model.safetensors`.'),
    training: Type.Optional(File('`training.json`: how it was made.')),
    version: Type.Optional(Version),
    lineage: Type.Optional(LineageBody),
    anyBase: AnyBase,
    ...SignatureProperties,
  },
  closed,
);
export const AdapterPolicyBody = Type.Object(
  { requireSignatures: Type.Boolean({ description: 'Only signed versions are added, and become stable or canary.' }) },
  closed,
);
export const AdapterSchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  version: Version,
  digest: Type.String({ description: 'SHA-256 of configuration and weights.' }),
  baseDigest: Type.String({ description: 'SHA-256 of the base model that it was trained on.' }),
  rank: Type.Integer(),
  targets: Type.Array(Type.String()),
  bytes: Type.Integer(),
  status: StatusSchema,
  baseModel: nullable(Type.String()),
  addedBy: nullable(Type.String({ description: 'Id of a key, or `operator`.' })),
  sources: nullable(
    Type.Array(Type.Object({ name: Type.String(), sha256: Sha256 }), { description: 'The files that it came in.' }),
  ),
  lineage: LineageSchema,
  signedBy: nullable(Type.String()),
  createdAt: Time,
});

export const VersionParams = Type.Object({ tenant: Type.String(), name: Type.String(), version: Version });
export const NewVersionParams = Type.Object({ tenant: Type.String(), name: Type.String() });
export const StatusBody = Type.Object({ status: StatusSchema }, closed);
export const VersionSchema = Type.Object({
  ...AdapterSchema.properties,
  stableOf: Type.Array(Type.String(), { description: 'Deployments that serve it as their stable version.' }),
  canaryOf: Type.Array(Type.String(), { description: 'Deployments that serve it as their canary.' }),
});
export const EvaluationBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: MAX_TRAINER, description: 'What was measured, on which questions.' }),
    figures: Figures,
    dataDigest: Type.Optional(
      nullable(Type.String({ pattern: SHA256_PATTERN, description: 'SHA-256 of the questions.' })),
    ),
  },
  closed,
);
export const EvaluationSchema = Type.Object({
  seq: Type.Integer({ description: 'From 1 on.' }),
  name: Type.String(),
  figures: Figures,
  dataDigest: nullable(Sha256),
  actor: Type.String({ description: 'Id of a key, or `operator`.' }),
  createdAt: Time,
});
export const VersionEventSchema = Type.Object({
  seq: Type.Integer({ description: 'From 1 on.' }),
  from: nullable(StatusSchema),
  to: StatusSchema,
  actor: Type.String({ description: 'Id of a key, or `controller`.' }),
  reason: nullable(Type.String()),
  createdAt: Time,
});

export const AliasParams = Type.Object({ tenant: Type.String(), name: Type.String(), alias: Type.String() });
export const AliasBody = Type.Object({ version: Version }, closed);
export const AliasSchema = Type.Object({
  tenant: Type.String(),
  adapter: Type.String(),
  alias: Type.String({ pattern: ALIAS_PATTERN }),
  version: Version,
  revision: Type.Integer({ description: 'Grows by one with every move.' }),
  updatedAt: Time,
});

const ruleBase = {
  name: Name,
  action: Type.Enum(['block', 'redact', 'flag', 'refuse']),
  text: Type.Optional(Type.String({ description: 'The answer, where the action is refuse.' })),
};
const Threshold = (description: string) => Type.Number({ description, exclusiveMinimum: 0, maximum: 1 });
const RuleSchema = Type.Union([
  Type.Object(
    {
      ...ruleBase,
      kind: Type.Literal('pattern'),
      patterns: Type.Array(Type.String(), {
        description: 'Regular expressions without look-around and back-references.',
      }),
      caseSensitive: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object(
    { ...ruleBase, kind: Type.Literal('personal'), types: Type.Optional(Type.Array(Type.String(), { minItems: 1 })) },
    closed,
  ),
  Type.Object({ ...ruleBase, kind: Type.Literal('profanity') }, closed),
  Type.Object(
    {
      ...ruleBase,
      kind: Type.Literal('topic'),
      examples: Type.Array(Type.String()),
      threshold: Threshold('Least cosine to one of the examples.'),
    },
    closed,
  ),
  Type.Object(
    {
      ...ruleBase,
      kind: Type.Literal('injection'),
      threshold: Type.Optional(Threshold('Least probability of a prompt injection; 0.5 where left out.')),
    },
    closed,
  ),
]);
const RulesSchema = Type.Object(
  { input: Type.Array(RuleSchema), passages: Type.Array(RuleSchema), output: Type.Array(RuleSchema) },
  { ...closed, description: 'Of each stage, in the order in which they are applied.' },
);
export const PolicyBody = Type.Object({ rules: RulesSchema }, closed);
export const PolicySchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  revision: Type.Integer({ description: 'Grows by one with every change; a deployment names one.' }),
  rules: RulesSchema,
  createdAt: Time,
});
export const DeploymentBody = Type.Object(
  {
    adapter: Type.Optional(
      nullable(Type.String({ description: 'Adapter whose versions it serves; without one, only the bare base.' })),
    ),
    stableVersion: Type.Optional(nullable(Version)),
    instructions: Type.String({ description: 'Start of every system message.', maxLength: MAX_INSTRUCTIONS }),
    retrieval: RetrievalSchema,
    generation: Type.Optional(GenerationSchema),
    policy: Type.Optional(nullable(PolicyRefSchema)),
    tools: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: 32,
        description: 'Functions that the gateway calls, by name. Left out: those that it has.',
      }),
    ),
  },
  closed,
);
export const DeploymentSchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  adapter: nullable(Type.String()),
  stableVersion: nullable(Version),
  instructions: Type.String(),
  retrieval: RetrievalSchema,
  generation: Type.Optional(GenerationSchema),
  policy: nullable(PolicyRefSchema),
  tools: Type.Optional(Type.Array(Type.String())),
  canaryVersion: nullable(Version),
  canaryWeight: Weight,
  canaryGroups: Type.Optional(CanaryGroups),
  shadowWeight: Type.Optional(ShadowWeight),
  rollout: nullable(RolloutSchema),
  experiment: Type.Optional(nullable(ExperimentSchema)),
  createdAt: Time,
  updatedAt: Time,
  revision: Revision,
});
/** Left out: as it is where the version stays, else nobody. */
export const RuleFields = Type.Partial(Type.Object({ groups: CanaryGroups, shadowWeight: ShadowWeight })).properties;
export const CanaryBody = Type.Object({ version: Version, weight: Weight, ...RuleFields }, closed);
