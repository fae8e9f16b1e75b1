/**
 * Every setting: described, with its default. The only home of their names; `docs/reference/config.md` is generated
 * from it. Rooms receive their slice.
 */
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const integer = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: fallback, minimum, maximum });
const KiB = 1024;
const MiB = 1024 * KiB;

export const ConfigSchema = Type.Object(
  {
    dataDir: Type.String({
      description: 'Folder of everything that is kept: models, adapters, databases, indexes.',
      default: '.switchyard',
      minLength: 1,
    }),
    demo: Type.Boolean({
      description: 'Create the sample tenants with their fixed demo keys at start. Binds to loopback only.',
      default: true,
    }),
    server: Type.Object(
      {
        host: Type.String({
          description:
            'Address to listen on. HOST counts only where it is an IP address or localhost, since other programs set it too.',
          default: '127.0.0.1',
          minLength: 1,
        }),
        port: integer('TCP port to listen on; 0 picks a free one.', 8080, 0, 65_535),
        maxBodyBytes: integer('Largest JSON body, in bytes.', 1 * MiB, KiB, 64 * MiB),
        maxAdapterBytes: integer(
          'Largest weights of an adapter that is uploaded, in bytes. They go to the disk as they come.',
          512 * MiB,
          KiB,
          64 * 1024 * MiB,
        ),
        maxBodyParts: integer(
          'Objects, lists and names of members in one JSON body. Reading many keeps all streams waiting.',
          20_000,
          100,
          10_000_000,
        ),
        maxBodyBytesInFlight: integer(
          'Bytes of all bodies that come in or are in use; one tenant may have half of them.',
          256 * MiB,
          MiB,
          1024 * 1024 * MiB,
        ),
        bodyBytesPerSecond: integer(
          'Bytes of JSON bodies of one tenant that are read in a second; more of them wait. An object, a list or a name counts as 256. Reading them takes time in which streams stand still.',
          8 * MiB,
          KiB,
          1024 * 1024 * MiB,
        ),
        bodyTimeoutMs: integer(
          'Silence in the middle of a body after which the request ends, in milliseconds.',
          20_000,
          100,
          600_000,
        ),
        requestTimeoutMs: integer('Longest time one answer may take, in milliseconds.', 120_000, 1000, 3_600_000),
        keepAlivePingMs: integer(
          'Silence on a stream after which a comment is sent, in milliseconds.',
          10_000,
          100,
          300_000,
        ),
        drainTimeoutMs: integer(
          'How long requests in flight may go on after a stop was asked for, in milliseconds.',
          30_000,
          0,
          600_000,
        ),
        hangTimeoutMs: integer(
          'How long the engine or retrieval process may be without an answer before it is ended and started anew, in milliseconds.',
          10_000,
          1000,
          600_000,
        ),
        headersTimeoutMs: integer(
          'Longest time that the headers of a request may take to come, in milliseconds; then the connection is closed.',
          10_000,
          100,
          600_000,
        ),
        maxConnections: integer('Connections open at once; further ones are closed.', 20_000, 1, 1_000_000),
        maxWebSockets: integer(
          'WebSockets open at once; one tenant may have half of them. Each may hold two messages of maxBodyBytes.',
          256,
          1,
          100_000,
        ),
        webSocketLifetimeMs: integer(
          'How long a WebSocket may be open, in milliseconds; it ends behind the response under way.',
          3_600_000,
          100,
          86_400_000,
        ),
        maxLoopDelayMs: integer(
          "Mean delay of the gateway's own thread, over a second, from which on requests are answered with 503, in milliseconds.",
          1000,
          10,
          60_000,
        ),
        requestsPerMinute: integer(
          'Requests a key may send in a minute, where no other limit was set for it.',
          6000,
          1,
          10_000_000,
        ),
        logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
          description: 'Least severe log level that is written.',
          default: 'info',
        }),
      },
      { ...closed, default: {} },
    ),
    tls: Type.Object(
      {
        certFile: Type.String({
          description:
            'Certificate with its chain, in PEM; empty: plain HTTP. Read again when it changes, or at SIGHUP.',
          default: '',
        }),
        keyFile: Type.String({ description: 'Its private key, in PEM.', default: '' }),
        clientCaFile: Type.String({
          description: 'Authorities, in PEM, of which clients need a certificate; empty: clients need none.',
          default: '',
        }),
      },
      { ...closed, default: {} },
    ),
    admin: Type.Object(
      {
        host: Type.String({ description: 'Address for /admin and /metrics.', default: '127.0.0.1', minLength: 1 }),
        port: integer(
          'TCP port that /admin and /metrics are served on, and nothing else; 0: they are on server.port.',
          0,
          0,
          65_535,
        ),
      },
      { ...closed, default: {} },
    ),
    models: Type.Object(
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
    ),
    engine: Type.Object(
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
          45,
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
        maxAdapterRank: integer(
          'Largest LoRA rank accepted. Adapters of smaller ranks pay nothing for it.',
          64,
          1,
          256,
        ),
        threads: integer('Threads of the model session; 0 measures which number is fastest.', 0, 0, 256),
        spinUs: integer('How long idle worker threads spin before they sleep, in microseconds.', 50, 0, 1_000_000),
      },
      { ...closed, default: {} },
    ),
    tokenizer: Type.Object(
      {
        processes: integer(
          'Processes that tokenize prompts. With two or more, long prompts never hold all of them.',
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
    ),
    upstream: Type.Object(
      {
        urls: Type.String({
          description:
            'Addresses of servers that answer in place of the engine, with commas between, e.g. http://10.0.0.1:8000,http://10.0.0.2:8000; empty: the engine answers.',
          default: '',
        }),
        dialect: Type.Enum(['vllm', 'llama-server', 'openai'], {
          description:
            "What these servers are: vLLM, llama.cpp's server, or anything else with OpenAI's /v1/completions (openai), which gets no adapters.",
          default: 'vllm',
        }),
        model: Type.String({
          description: 'Their name for models.base; empty: the only model that they have.',
          default: '',
        }),
        apiKey: Type.String({ description: 'Key that they ask for; empty: none.', default: '' }),
        adapterDir: Type.String({
          description:
            'Where they see the folder adapters/ of the data folder (vLLM); empty: where it is on this machine.',
          default: '',
        }),
        adapterSlots: integer('Adapters that one server may have loaded at once (vLLM).', 32, 1, 100_000),
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
    ),
    tools: Type.Object(
      {
        allowedHosts: Type.String({
          description:
            'Hosts that functions of tenants may be at, with commas between, e.g. stock.example.com,*.apis.example.com; empty: none.',
          default: '',
        }),
        privateAddresses: Type.Boolean({
          description:
            'Whether these hosts may have addresses of a private network, and answer without TLS. Only where nobody else writes addresses of functions.',
          default: false,
        }),
        maxResponseBytes: integer('Longest answer of a function, in bytes.', 16 * KiB, 1, MiB),
        maxRounds: integer('Rounds of calls within one answer.', 4, 1, 32),
      },
      { ...closed, default: {} },
    ),
    webhooks: Type.Object(
      {
        allowedHosts: Type.String({
          description:
            'Hosts that webhooks of tenants may be at, with commas between, e.g. ci.example.com,*.hooks.example.com; *: any; empty: none.',
          default: '',
        }),
        privateAddresses: Type.Boolean({
          description:
            'Whether these hosts may have addresses of a private network, and answer without TLS. Only where nobody else writes addresses of webhooks.',
          default: false,
        }),
        timeoutMs: integer('Time for an answer, in milliseconds.', 10_000, 100, 60_000),
        maxAttempts: integer(
          'Attempts to tell a webhook of one change, with pauses that grow to a minute; then it is given up.',
          60,
          1,
          10_000,
        ),
      },
      { ...closed, default: {} },
    ),
    retrieval: Type.Object(
      {
        maxFileBytes: integer('Largest document, in bytes.', 8 * MiB, KiB, 512 * MiB),
        maxIngestQueue: integer(
          'Files that may wait for ingestion; one tenant may have half of them.',
          10_000,
          1,
          1_000_000,
        ),
        maxPendingCalls: integer(
          'Searches and other calls that may wait for the retrieval process; one tenant may have half of them.',
          1000,
          1,
          100_000,
        ),
        maxPendingBytes: integer(
          'Bytes of texts and documents in the calls that wait; one tenant may have half of them.',
          128 * MiB,
          MiB,
          1024 * 1024 * MiB,
        ),
        maxIngestBytes: integer(
          'Bytes of the files that may wait for ingestion; one tenant may have half of them.',
          1024 * MiB,
          MiB,
          1024 * 1024 * MiB,
        ),
        parseTimeoutMs: integer(
          'Processor time that reading one document may take, in milliseconds.',
          60_000,
          1000,
          3_600_000,
        ),
        parseMemoryBytes: integer(
          'Memory that reading one document may take, the vocabulary of the base model included.',
          512 * MiB,
          128 * MiB,
          64 * 1024 * MiB,
        ),
        maxPassagesPerFile: integer('Passages that one document may make.', 50_000, 1, 10_000_000),
        passageTokens: integer('Largest passage, in tokens of the base model.', 160, 16, 2048),
        overlapTokens: integer('Tokens repeated between neighbouring passages of one section.', 24, 0, 512),
        indexM: integer('HNSW links a node (M).', 16, 4, 64),
        efConstruction: integer('HNSW candidates while building (efConstruction).', 128, 8, 2000),
        efSearch: integer('HNSW candidates while searching (ef).', 64, 8, 2000),
        exactSearchLimit: integer(
          'Passages of a store up to which a search compares every one; larger stores are searched through the HNSW index.',
          2000,
          0,
          1_000_000,
        ),
        indexMemoryBytes: integer(
          'Memory of open HNSW indexes; beyond it the least recently used are written and closed.',
          512 * MiB,
          MiB,
          1024 * 1024 * MiB,
        ),
        threads: integer('Threads that embed documents, behind everything that waits for an answer.', 2, 1, 256),
        ingestBatch: integer('Texts embedded between two looks at waiting queries.', 2, 1, 256),
      },
      { ...closed, default: {} },
    ),
    database: Type.Object(
      {
        url: Type.String({
          description:
            'PostgreSQL 16 or newer with pgvector that keeps the documents, as postgres://role:password@host:port/database; empty: they are kept in dataDir.',
          default: '',
          pattern: '^(postgres(ql)?://.+)?$',
        }),
        urlFile: Type.String({
          description: 'File that holds database.url, for instance a mounted secret; empty for none.',
          default: '',
        }),
        poolSize: integer('Connections to PostgreSQL at once.', 10, 2, 1000),
        statementTimeoutMs: integer(
          'Longest time that one statement may take in PostgreSQL, in milliseconds.',
          30_000,
          100,
          3_600_000,
        ),
      },
      { ...closed, default: {} },
    ),
    registry: Type.Object(
      {
        url: Type.String({
          description:
            'PostgreSQL 16 or newer in which several gateways share tenants, keys, adapters, deployments and records, as postgres://role:password@host:port/database; empty: they are kept in dataDir, for this gateway alone.',
          default: '',
          pattern: '^(postgres(ql)?://.+)?$',
        }),
        urlFile: Type.String({
          description: 'File that holds registry.url, for instance a mounted secret; empty for none.',
          default: '',
        }),
      },
      { ...closed, default: {} },
    ),
    backup: Type.Object(
      {
        folder: Type.String({
          description:
            'Folder outside of dataDir, on another disk at best, in which backups are made on a schedule, each in a folder of its own; empty: none are.',
          default: '',
        }),
        everyMinutes: integer('Pause between two backups, in minutes.', 1440, 1, 10_080),
        keep: integer('Backups that are kept, here and in the store; the oldest go first.', 7, 1, 10_000),
        s3Url: Type.String({
          description:
            'Bucket of an S3-compatible store that each backup is copied to, as https://host/bucket or https://host/bucket/prefix; empty: none.',
          default: '',
          pattern: '^(https?://[^/?#]+/[^/?#]+[^?#]*)?$',
        }),
        s3Region: Type.String({ description: 'Its region.', default: 'us-east-1', minLength: 1 }),
        s3AccessKeyId: Type.String({
          description: 'Id of the key that may read, write and delete there.',
          default: '',
        }),
        s3SecretKeyFile: Type.String({
          description: 'File that holds the secret of that key, for instance a mounted secret.',
          default: '',
        }),
      },
      { ...closed, default: {} },
    ),
    rollouts: Type.Object(
      {
        lookEveryMs: integer(
          'Pause between two looks at the rollouts that are under way, in milliseconds: how soon a worse version is rolled back.',
          30_000,
          100,
          3_600_000,
        ),
        maxShadows: integer(
          'Questions that canaries answer again at once, seen by nobody, for `shadowWeight`; further ones are left out, and counted.',
          2,
          0,
          1000,
        ),
      },
      { ...closed, default: {} },
    ),
    quality: Type.Object(
      {
        maxWaiting: integer(
          'Answers that may wait to be judged; further ones are left out, and counted.',
          256,
          0,
          100_000,
        ),
        maxWaitingBytes: integer('Bytes of the texts of the answers that wait to be judged.', 16 * MiB, 0, 1024 * MiB),
        retentionDays: integer(
          'Days for which the records of answers are kept, where the tenant has no limit of its own.',
          90,
          1,
          3650,
        ),
        maxAnswers: integer(
          'Records of answers kept for one tenant, where it has no limit of its own; the oldest go first.',
          1_000_000,
          1,
          1_000_000_000,
        ),
        baselineDays: integer(
          'Days after which the next 1,000 judged answers become what drift of a deployment is measured against; 0: what was first stays until it is reset.',
          0,
          0,
          3650,
        ),
        captureDays: integer(
          'Days for which captured texts are kept, where a tenant asks for them and has no limit of its own; never longer than the records of their answers.',
          30,
          1,
          3650,
        ),
        maxCaptures: integer(
          'Answers of one tenant whose texts are kept at once; the oldest go first.',
          10_000,
          1,
          10_000_000,
        ),
      },
      { ...closed, default: {} },
    ),
    responses: Type.Object(
      {
        retentionDays: integer(
          'Days for which the texts of /v1/responses are kept; a tenant that keeps its records for a shorter time keeps these no longer either.',
          30,
          1,
          3650,
        ),
      },
      { ...closed, default: {} },
    ),
    tracing: Type.Object(
      {
        endpoint: Type.String({
          description:
            'Where traces are sent, as OTLP over HTTP: http://127.0.0.1:4318/v1/traces; empty: nothing is traced.',
          default: '',
          pattern: '^(https?://.+)?$',
        }),
        sampleShare: Type.Number({
          description: 'Share of the requests that are traced, of those that come without a trace of their own.',
          default: 1,
          minimum: 0,
          maximum: 1,
        }),
      },
      { ...closed, default: {} },
    ),
    metrics: Type.Object(
      {
        maxLabelValues: integer('Distinct values a label may take; further ones become "other".', 200, 1, 100_000),
        localWithoutKey: Type.Boolean({
          description:
            'Let this machine read /metrics without a key, as in demo mode. Not where a proxy runs on it: one that adds no x-forwarded-for looks like the machine itself.',
          default: false,
        }),
      },
      { ...closed, default: {} },
    ),
  },
  closed,
);

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
export type Config = DeepReadonly<Static<typeof ConfigSchema>>;
