/** Shapes of adapters, their versions and aliases. */

import { Type } from 'typebox';
import {
  ALIAS_PATTERN,
  MAX_DESCRIPTION,
  MAX_FIGURES,
  MAX_LICENSE,
  MAX_TRAINER,
  SHA256_PATTERN,
  VERSION_STATUSES,
} from '../../contracts/registry-limits.js';
import { closed, Name, nullable, Time, Version } from './common.js';

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
    figures: Type.Record(Type.String({ maxLength: MAX_TRAINER }), Type.Number(), {
      minProperties: 1,
      maxProperties: MAX_FIGURES,
    }),
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
