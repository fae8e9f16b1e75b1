import type { VersionFacts } from '../../../src/registry/version-facts.js';

export const FACTS: VersionFacts = {
  version: {
    tenant: 'bank',
    name: 'support',
    version: 2,
    digest: '1'.repeat(64),
    baseDigest: '2'.repeat(64),
    baseModel: 'small',
    addedBy: 'key_1',
    sources: [
      { name: 'adapter_config.json', sha256: '3'.repeat(64) },
      { name: 'adapter_model.safetensors', sha256: '4'.repeat(64) },
    ],
    lineage: {
      parent: { name: 'support', version: 1 },
      dataDigest: '5'.repeat(64),
      trainer: 'train.py 3',
      hyperparameters: { rank: 8, learning_rate: 0.001 },
      figures: { examples: 4182, final_loss: 0.0835 },
      description: 'Answers in the words of the passages.',
      license: 'Apache-2.0',
    },
    signedBy: null,
    status: 'approved',
    rank: 8,
    targets: ['q_proj', 'v_proj'],
    bytes: 1000,
    createdAt: 1_000,
  },
  evaluations: [
    { seq: 1, name: 'eval', figures: { fact: 0.651, cited: 0.64 }, dataDigest: null, actor: 'key_1', createdAt: 3_000 },
  ],
  events: [
    { seq: 2, from: 'candidate', to: 'approved', actor: 'controller', reason: 'good', createdAt: 2_000 },
    { seq: 1, from: null, to: 'candidate', actor: 'key_1', reason: null, createdAt: 1_000 },
  ],
};

/** A version of before anybody told where it comes from. */
export const BARE: VersionFacts = {
  version: {
    ...FACTS.version,
    baseModel: null,
    addedBy: null,
    sources: null,
    lineage: {
      parent: null,
      dataDigest: null,
      trainer: null,
      hyperparameters: null,
      figures: {},
      description: null,
      license: null,
    },
  },
  evaluations: [],
  events: [],
};
