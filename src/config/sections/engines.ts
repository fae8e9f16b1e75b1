/** Servers that generate, and which engine answers. */
import { Type } from 'typebox';
import { closed, integer } from './values.js';

export const upstream = Type.Object(
  {
    urls: Type.String({
      description:
        'Addresses of servers that answer in place of the embedded engine, with commas between, e.g. http://10.0.0.1:8000,http://10.0.0.2:8000; empty: there are none.',
      default: '',
    }),
    dialect: Type.Enum(['vllm', 'sglang', 'llama-server', 'openai'], {
      description:
        "What these servers are: vLLM, SGLang, llama.cpp's server, or anything else with OpenAI's /v1/completions (openai), which gets no adapters.",
      default: 'vllm',
    }),
    contextTokens: integer(
      'Tokens that they hold of a prompt with its answer; 0: as many as engine.contextTokens says.',
      0,
      0,
      10_000_000,
    ),
    model: Type.String({
      description: 'Their name for models.base; empty: the only model that they have.',
      default: '',
    }),
    apiKey: Type.String({ description: 'Key that they ask for; empty: none.', default: '' }),
    apiKeyFile: Type.String({
      description: 'File that holds upstream.apiKey, for instance a mounted secret; empty for none.',
      default: '',
    }),
    adapterDir: Type.String({
      description:
        'Where they see the folder adapters/ of the data folder (vLLM, SGLang); empty: where it is on this machine.',
      default: '',
    }),
    adapterSlots: integer('Adapters that one server may have loaded at once (vLLM, SGLang).', 32, 1, 100_000),
    slots: integer('Requests that one server answers at once, where it does not say so itself.', 32, 1, 10_000),
    connectTimeoutMs: integer('Longest time a connection may take, in milliseconds.', 2000, 10, 60_000),
    adapterLoadTimeoutMs: integer(
      'Longest time that loading an adapter may take, in milliseconds.',
      30_000,
      100,
      600_000,
    ),
    firstTokenTimeoutMs: integer(
      'Longest wait for the first token from one server, in milliseconds; then another one is asked.',
      60_000,
      100,
      3_600_000,
    ),
    stallTimeoutMs: integer(
      'Longest silence in the middle of an answer, in milliseconds; then it has failed.',
      30_000,
      100,
      3_600_000,
    ),
    probeIntervalMs: integer('Time between two looks at a server, in milliseconds.', 2000, 50, 600_000),
    retryPercent: integer('Requests in a hundred that may be asked of a second server.', 20, 0, 100),
    slowStartMs: integer(
      'Time in which a server that came back works up to its share, in milliseconds.',
      30_000,
      1,
      3_600_000,
    ),
  },
  { ...closed, default: {} },
);

export const engines = Type.Object(
  {
    default: Type.String({
      description:
        'What answers where a deployment names no engine, and for the base model: `embedded`, `upstream`, or the name of a pool. Empty: `upstream` where upstream.urls is set, else `embedded`.',
      default: '',
    }),
    embedded: Type.Boolean({
      description: 'Whether the embedded engine runs also where another one is the default.',
      default: false,
    }),
    pools: Type.Record(Type.String(), upstream, {
      description:
        'Further servers that deployments may name (`engine`), by name, each with settings as `upstream` has them: `{"gpu": {"urls": "http://10.0.0.9:8000"}}`. They serve models.base.',
      accepts: 'an object of up to 16 pools, in the environment as JSON',
      default: {},
    }),
  },
  { ...closed, default: {} },
);
