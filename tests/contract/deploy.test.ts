/** What `npm run test:deploy` builds and runs, looked at without building: paths, settings, shapes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { SETTINGS } from '../../src/config/settings.js';

const root = `${process.cwd()}/`;
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length));

const dockerfile = read('deploy/docker/Dockerfile');
const ignored = read('.dockerignore').split('\n');
/** Builds what the package holds already. */
const BUILD_ONLY = 'scripts/console.mjs';
/** Sources of COPY lines that come from the build context. */
const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '));

t.test('the Dockerfile copies what there is, and the build context lets through that and no more', async (t) => {
  t.not(copied.length, 0);
  for (const path of copied) t.ok(existsSync(join(root, path)), path);
  const plain = copied.map((path) => path.replace(/\/$/, ''));
  t.same(
    ignored
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
      .sort(),
    plain.sort(),
  );
  t.equal(
    ignored.find((line) => line !== '' && !line.startsWith('#')),
    '*',
  );
});

t.test('what the image runs is what the package runs', async (t) => {
  const { bin, files, dependencies, devDependencies } = JSON.parse(read('package.json'));
  t.match(dockerfile, `/app/${bin.switchyard}`);
  t.ok(files.includes(dirname(dirname(bin.switchyard))));
  for (const path of copied.filter((path) => /^(adapters|native|scripts)/.test(path) && path !== BUILD_ONLY)) {
    t.ok(
      files.some((folder: string) => path.replace(/\/$/, '').startsWith(folder)),
      `${path} is in the package too`,
    );
  }
  const built = read('package.json').match(/"install": "node (\S+)"/)![1];
  t.ok(files.includes(built), 'the script that npm runs at install');
  for (const name of Object.keys(devDependencies)) t.notOk(name in dependencies, name);
});

t.test('packages that only tests and benchmarks use are no dependencies of the product', async (t) => {
  const { dependencies } = JSON.parse(read('package.json'));
  const sources = filesBelow('src')
    .filter((path) => /\.(ts|js)$/.test(path))
    .map(read)
    .join('\n');
  // Drivers and plugins that are named otherwise than in an import.
  const byName = ['better-sqlite3-13', '@vscode/tree-sitter-wasm', '@hyzyla/pdfium', 'onnxruntime-node'];
  for (const name of Object.keys(dependencies)) {
    t.ok(byName.includes(name) || new RegExp(`['"]${name}(/[^'"]+)?['"]`).test(sources), name);
  }
});

t.test('every variable that a deployment sets is a setting', async (t) => {
  const ofCommands = ['SWITCHYARD_KEY', 'SWITCHYARD_CONFIG', 'SWITCHYARD_DATABASE_OWNER_URL'];
  const known = new Set([...SETTINGS.flatMap(({ variables }) => variables), ...ofCommands]);
  for (const path of filesBelow('deploy')) {
    for (const [name] of read(path).matchAll(/\bSWITCHYARD_[A-Z_]+\b/g)) t.ok(known.has(name), `${path}: ${name}`);
  }
});

t.test('no file names a registry of this machine, and no secret is committed', async (t) => {
  for (const path of filesBelow('deploy')) {
    t.notMatch(read(path), /\bsk-[\w-]{16,}|BEGIN [A-Z ]*PRIVATE KEY/, path);
    for (const [, image] of read(path).matchAll(/^\s*(?:image:|FROM) (\S+)/gm)) {
      t.match(
        image,
        /^(\$\{(NODE|GATEWAY|CUDA)_IMAGE\}|switchyard|(prom|grafana|pgvector|vllm)\/[\w-]+:v?\d[\w.-]*)$/,
        `${path}: ${image}`,
      );
    }
  }
});

t.test('manifests name files and each other as they are', async (t) => {
  for (const path of filesBelow('deploy').filter((name) => name.endsWith('kustomization.yaml'))) {
    const { resources = [], components = [], configMapGenerator = [] } = parse(read(path));
    const named = [...resources, ...components, ...configMapGenerator.flatMap(({ files = [] }) => files)];
    for (const name of named) t.ok(existsSync(join(root, dirname(path), name)), `${path}: ${name}`);
  }
  const dashboards = readdirSync(join(root, 'deploy/grafana/dashboards')).map((name) => `dashboards/${name}`);
  t.same(parse(read('deploy/grafana/kustomization.yaml')).configMapGenerator[0].files.sort(), dashboards.sort());
});

t.test('pods run without root, with a read-only root, and with probes of routes that there are', async (t) => {
  const routes = parse(read('openapi.yaml')).paths;
  const [set] = parseAllDocuments(read('deploy/kubernetes/base/statefulset.yaml')).map((document) => document.toJS());
  const { securityContext, containers, initContainers, terminationGracePeriodSeconds } = set.spec.template.spec;
  t.match(securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  for (const container of [...containers, ...initContainers]) {
    t.match(container.securityContext, {
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
  }
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
    t.ok(routes[containers[0][probe].httpGet.path], probe);
  }
  const drainMs = SETTINGS.find(({ path }) => path === 'server.drainTimeoutMs')!.default as number;
  t.ok(terminationGracePeriodSeconds * 1000 > drainMs + 5000, 'a drain is not cut short by Kubernetes');
  const stopS = Number(/^TimeoutStopSec=(\d+)$/m.exec(read('deploy/systemd/switchyard.service'))![1]);
  t.ok(stopS * 1000 > drainMs + 5000, 'nor by systemd');
  const composeS = Number.parseInt(
    parse(read('deploy/docker/compose.yaml'), { merge: true }).services.gateway.stop_grace_period,
    10,
  );
  t.ok(composeS * 1000 > drainMs + 5000, 'nor by compose');
});

t.test('gateways and vLLM servers of the overlay agree on names, folders and sizes', async (t) => {
  const folder = 'deploy/kubernetes/overlays/vllm';
  const { literals } = parse(read(`${folder}/kustomization.yaml`)).configMapGenerator[0];
  const setting = (name: string) =>
    literals.find((line: string) => line.startsWith(`SWITCHYARD_${name}=`)).split('=')[1];
  const documents = parseAllDocuments(read(`${folder}/servers.yaml`)).map((document) => document.toJS());
  const service = documents.find(({ kind }) => kind === 'Service');
  const { metadata, spec } = documents.find(({ kind }) => kind === 'StatefulSet');
  const pod = spec.template.spec;
  const [server] = pod.containers;
  const flag = (name: string) =>
    server.args.find((arg: string) => arg.startsWith(`--${name}=`))?.slice(name.length + '--='.length);

  t.equal(spec.replicas, 2);
  t.equal(spec.serviceName, service.metadata.name);
  const urls = Array.from(
    { length: spec.replicas },
    (_, i) => `http://${metadata.name}-${i}.${spec.serviceName}:${flag('port')}`,
  );
  t.equal(setting('UPSTREAM_URLS'), urls.join(','));
  t.equal(setting('MODELS_BASE'), flag('served-model-name'));
  t.ok(Number(setting('UPSTREAM_ADAPTER_SLOTS')) <= Number(flag('max-cpu-loras')));
  t.ok(Number(setting('ENGINE_CONTEXT_TOKENS')) <= Number(flag('max-model-len')));
  const rank = SETTINGS.find(({ path }) => path === 'engine.maxAdapterRank')!.default as number;
  t.ok(rank <= Number(flag('max-lora-rank')), 'no adapter that the gateway takes is too large for a server');

  // JSON Patch: what is put where.
  const patches = parse(read(`${folder}/gateways.yaml`)) as { path: string; value: never }[];
  const values = (path: string): { name: string; mountPath: string; value: string }[] =>
    patches.filter((patch) => patch.path === path).flatMap(({ value }) => value);
  const [gateways] = values('/spec/replicas') as unknown as number[];
  t.equal(gateways, 2);
  t.equal(Number(setting('UPSTREAM_SLOTS')) * gateways!, Number(flag('max-num-seqs')), 'requests wait in gateways');
  const { mountPath, subPathExpr } = values('/spec/template/spec/containers/0/volumeMounts/-').find(
    ({ name }) => name === 'adapters',
  ) as { mountPath: string; subPathExpr?: string };
  t.equal(mountPath, '/var/lib/switchyard/adapters');
  const seen = server.volumeMounts.find(({ name }: { name: string }) => name === 'adapters');
  t.match(seen, { readOnly: true });
  const env = values('/spec/template/spec/containers/0/env');
  t.equal(
    env.find(({ name }) => name === 'SWITCHYARD_UPSTREAM_ADAPTER_DIR')!.value,
    `${seen.mountPath}/${subPathExpr}`,
  );

  const [gateway] = parseAllDocuments(read('deploy/kubernetes/base/statefulset.yaml')).map((one) => one.toJS());
  const user = gateway.spec.template.spec.securityContext;
  t.same(pod.securityContext, user, 'adapters are readable by their owner alone');
  t.match(server.securityContext, gateway.spec.template.spec.containers[0].securityContext);
  for (const { name } of server.volumeMounts) {
    const isThere = [...pod.volumes, ...spec.volumeClaimTemplates.map((claim: { metadata: object }) => claim.metadata)];
    t.ok(
      isThere.some((volume: { name: string }) => volume.name === name),
      name,
    );
  }
});

t.test('what compose mounts and includes is there', async (t) => {
  const { services } = parse(read('deploy/docker/compose.yaml'), { merge: true });
  for (const { volumes = [], build } of Object.values<{ volumes?: string[]; build?: { dockerfile: string } }>(
    services,
  )) {
    if (build) t.ok(existsSync(join(root, build.dockerfile)));
    for (const volume of volumes.filter((name) => name.startsWith('.'))) {
      t.ok(existsSync(join(root, 'deploy/docker', volume.split(':')[0]!)), volume);
    }
  }
  const overlay = parse(read('deploy/docker/compose.postgres.yaml'), { merge: true });
  const secrets = { ...parse(read('deploy/docker/compose.yaml')).secrets, ...overlay.secrets };
  for (const { secrets: used = [], depends_on: needed = {} } of Object.values<{
    secrets?: string[];
    depends_on?: object;
  }>({ ...services, ...overlay.services })) {
    for (const name of used) t.ok(secrets[name], `the secret ${name}`);
    const names = Array.isArray(needed) ? needed : Object.keys(needed);
    for (const name of names) t.ok(services[name] ?? overlay.services[name], `the service ${name}`);
  }
  const { scrape_configs: scrapes } = parse(read('deploy/prometheus/prometheus.yml'));
  const [host, port] = scrapes[0].static_configs[0].targets[0].split(':');
  t.ok(services[host].ports.includes(`127.0.0.1:${port}:${port}`), 'Prometheus asks the gateway of compose');
  t.match(dockerfile, `PORT=${port}`);
});
