/** What generates. */

import { Type } from 'typebox';
import { closed, integer, KiB, MiB } from './values.js';

export const models = Type.Object(
  {
    base: Type.String({
      description: 'Id of the base model, a folder under models/.',
      default: 'qwen2.5-coder-0.5b-instruct',
      minLength: 1,
    }),
    embedder: Type.String({
      description: 'Id of the embedding model, a folder under models/.',
      default: 'bge-small-en-v1.5-qa',
      minLength: 1,
    }),
    embedders: Type.String({
      description:
        'Ids of further embedding models, folders under models/, that vector stores may name in place of models.embedder, with commas between, e.g. multilingual-e5-small; empty: none. Each is loaded with its first use, and stays in memory.',
      default: '',
    }),
    ner: Type.String({
      description:
        'Id of the model that finds names and postal addresses of people, a folder under models/; empty: nothing looks for them. With one, stores and safety policies may ask for it, and captured texts and exported examples are scrubbed of them.',
      default: '',
    }),
    sourceDir: Type.String({
      description: 'Folder that is searched for model files before anything is downloaded; empty for none.',
      default: '',
    }),
  },
  { ...closed, default: {} },
);

export const engine = Type.Object(
  {
    device: Type.Enum(['cpu', 'cuda', 'webgpu', 'auto'], {
      description:
        'Where the model runs: the CPU, a GPU through CUDA or WebGPU, or the first of CUDA, WebGPU and the CPU that can be used (auto).',
      default: 'cpu',
    }),
    kernels: Type.Enum(['auto', 'stock', 'scalar', 'avx2', 'avx_vnni', 'avx512_vnni', 'amx', 'neon'], {
      description:
        "Operators of the model: our kernels for the CPU's best instruction set (auto), for a given one, or onnxruntime's own (stock).",
      default: 'auto',
    }),
    slots: integer('KV slots: requests that decode at once.', 8, 1, 64),
    reservedSlots: integer('Further KV slots for tenants that have no request running.', 1, 0, 64),
    contextTokens: integer('Tokens a slot holds, prompt and answer together.', 8192, 64, 131_072),
    stepMs: integer(
      'Longest step in which answers go on, in milliseconds, where they alone do not take longer: the pause between two tokens while prompts are computed.',
      50,
      1,
      10_000,
    ),
    idleStepMs: integer(
      'Longest step while no answer goes on, in milliseconds: what a request that was given up can still hold its slot for.',
      150,
      1,
      10_000,
    ),
    prefixCacheTokens: integer(
      'Tokens of prompts that may come again whose keys and values are kept; 0 for none. A token takes 12 KiB with qwen2.5-coder-0.5b-instruct, and memory is taken as it is filled. Kernels only.',
      32_768,
      0,
      100_000_000,
    ),
    passageCacheBytes: integer(
      'Memory for keys and values of passages that are computed once and used wherever they stand again (`attention: block` of a deployment); it is taken as it is filled. A token takes 12 KiB with qwen2.5-coder-0.5b-instruct. Kernels only.',
      256 * MiB,
      0,
      1024 * 1024 * MiB,
    ),
    drafting: Type.Boolean({
      description: 'Guess tokens from what the prompt and the answer hold, where that is faster. Kernels only.',
      default: true,
    }),
    maxQueued: integer('Requests that may wait for a slot; one tenant may have half of them.', 64, 0, 100_000),
    maxQueuedBytes: integer(
      'Bytes of the requests that wait for a slot; one tenant may have half of them.',
      64 * MiB,
      MiB,
      1024 * 1024 * MiB,
    ),
    adapterSlots: integer(
      'Adapters resident in the bank at once. Fewer than there are slots, reserved ones included, let a request wait for the end of an answer by another adapter.',
      9,
      1,
      256,
    ),
    adapterCacheBytes: integer(
      'Memory for adapters that were read, in the bank or not; 0 for none.',
      320 * MiB,
      0,
      1024 * 1024 * MiB,
    ),
    maxAdapterRank: integer('Largest LoRA rank accepted. Adapters of smaller ranks pay nothing for it.', 64, 1, 256),
    threads: integer('Threads of the model session; 0 measures which number is fastest.', 0, 0, 256),
    spinUs: integer('How long idle worker threads spin before they sleep, in microseconds.', 50, 0, 1_000_000),
  },
  { ...closed, default: {} },
);

export const tokenizer = Type.Object(
  {
    processes: integer(
      'Processes that tokenize prompts. With two or more, half of them are for long ones, and step back behind the answers.',
      2,
      1,
      16,
    ),
    maxQueued: integer('Prompts and counts of one tenant that may wait for a tokenizer process.', 256, 1, 100_000),
    maxQueuedCharacters: integer(
      'Characters in what one tenant has waiting for a tokenizer process.',
      4 * MiB,
      KiB,
      1024 * MiB,
    ),
    timeoutMs: integer(
      'Longest time that rendering and tokenizing one prompt may take, in milliseconds; its process is ended then.',
      10_000,
      100,
      600_000,
    ),
  },
  { ...closed, default: {} },
);
