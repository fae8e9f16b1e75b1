// The import rules of the architecture, each with its reason. `npm run lint` checks them.
const L1 = [
  ...['model-import', 'tokenizer', 'engine', 'upstream', 'retrieval', 'registry', 'quality'],
  ...['canary', 'safety', 'quota', 'captures'],
];
const L3 = ['evaluation', 'redteam', 'finetune', 'backup', 'demo', 'doctor'];
const L4 = ['http', 'admin', 'console', 'cli'];
const rooms = (names) => `^src/(${names.join('|')})/`;

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle makes two files one: neither can be read or tested alone.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'foundation-imports-nothing',
      comment: 'errors and contracts are what everything else stands on: at run time they import nothing.',
      severity: 'error',
      from: { path: rooms(['errors', 'contracts']) },
      to: { pathNot: rooms(['errors', 'contracts']), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'L0-stays-below',
      comment:
        'audit, config, files, generation, jobs, layouts, machine, metrics, native, patterns, personal-data, postgres, processes, queues, sqlite, vectors and words serve every room, so they know none of them.',
      severity: 'error',
      from: {
        path: rooms([
          'audit',
          'config',
          'files',
          'generation',
          'jobs',
          'layouts',
          'machine',
          'metrics',
          'native',
          'patterns',
          'personal-data',
          'postgres',
          'processes',
          'queues',
          'sqlite',
          'vectors',
          'words',
        ]),
      },
      to: { path: rooms([...L1, 'pipeline', ...L3, ...L4]) },
    },
    {
      name: 'L1-rooms-are-strangers',
      comment: 'An L1 room gets what it needs from another through a contract, passed in by app.ts.',
      severity: 'error',
      from: { path: `^src/(${L1.join('|')})/` },
      to: { path: rooms(L1), pathNot: '^src/$1/' },
    },
    {
      name: 'L1-looks-only-down',
      comment: 'Imports point upward in the list of rooms only.',
      severity: 'error',
      from: { path: rooms(L1) },
      to: { path: rooms(['pipeline', ...L3, ...L4]) },
    },
    {
      name: 'pipeline-sees-contracts',
      comment: 'The pipeline must run over any engine, store and registry that fulfils the contract.',
      severity: 'error',
      from: { path: rooms(['pipeline']) },
      to: { path: rooms([...L1, ...L3, ...L4]) },
    },
    {
      name: 'demo-sees-contracts',
      comment:
        'The sample tenants are made as a client would make them: through the registry and retrieval, whichever they are.',
      severity: 'error',
      from: { path: rooms(['demo']) },
      to: { path: rooms([...L1, 'pipeline', ...L4]) },
    },
    {
      name: 'surfaces-are-strangers',
      comment: 'HTTP, admin, console and command line are separate surfaces; app.ts joins them.',
      severity: 'error',
      from: { path: `^src/(${L4.join('|')})/` },
      to: { path: rooms(L4), pathNot: '^src/$1/' },
    },
    {
      name: 'nothing-imports-main',
      comment: 'main.ts starts a process; importing it would start another.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'engine-process-is-private',
      comment: 'The engine runs in its own process and is reached by messages only.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/engine/' },
      to: { path: '^src/engine/process/' },
    },
    {
      name: 'runners-are-chosen-in-one-place',
      comment: 'Loop, scheduler and sampler run over any runner (runner.ts): only the choice of one knows its folder.',
      severity: 'error',
      from: { path: '^src/engine/process/[^/]+$', pathNot: '^src/engine/process/(runtime|onnxruntime)\\.ts$' },
      to: { path: '^src/engine/process/(kernels|stock|device)/' },
    },
    {
      name: 'kernels-and-stock-are-strangers',
      comment: 'Two ways to run the model that share nothing but the contract of a runner.',
      severity: 'error',
      from: { path: '^src/engine/process/kernels/' },
      to: { path: '^src/engine/process/(stock|device)/' },
    },
    {
      name: 'stock-and-kernels-are-strangers',
      comment: 'The other way round: stock operators must run where our kernels were never built.',
      severity: 'error',
      from: { path: '^src/engine/process/(stock|device)/' },
      to: { path: '^src/engine/process/kernels/' },
    },
    {
      name: 'retrieval-process-is-private',
      comment: 'Retrieval runs in its own process and is reached by messages only.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/retrieval/' },
      to: { path: '^src/retrieval/process/' },
    },
    {
      name: 'tokenizer-process-is-private',
      comment:
        'Tokenizing takes as long as the text is: it runs in processes of its own and is reached by messages only.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/tokenizer/' },
      to: { path: '^src/tokenizer/process/' },
    },
    {
      name: 'children-have-no-http',
      comment: 'A child process serves messages; a web framework in it would be memory for nothing.',
      severity: 'error',
      from: { path: '^src/(engine|retrieval|tokenizer)/process/' },
      to: { path: 'node_modules/(fastify|@fastify)/' },
    },
    {
      name: 'onnxruntime-in-three-places',
      comment: 'session.run blocks its thread: only the runner, the embedder and the importer may touch it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(engine/process/|retrieval/process/|model-import/)' },
      to: { path: 'node_modules/onnxruntime-node/' },
    },
    {
      name: 'ffi-at-the-edge',
      comment: 'Only these files call foreign functions: one knows the indexes of the C API, one our own library.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/engine/process/onnxruntime\\.ts$|^src/native/library\\.ts$' },
      to: { path: 'node_modules/koffi/' },
    },
    {
      name: 'databases-in-stores',
      comment: 'SQL lives in the stores of the room that owns the tables.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(audit|jobs|postgres|registry|retrieval|sqlite)/' },
      to: { path: 'node_modules/(better-sqlite3|pg|kysely)' },
    },
    {
      name: 'no-utils',
      comment: 'A helper lives beside its user or earns a room with a name.',
      severity: 'error',
      from: {},
      to: { path: '/(utils|helpers)(/|[.]ts)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
