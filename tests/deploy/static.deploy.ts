/** What the tools of each format say about the files of deploy/. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installDebian, installGo, pythonTools, ROOT, run } from './tools.js';

const KUBERNETES = '1.33.0';
/** Of the kinds that manifests have. */
const SCHEMAS = [
  'namespace',
  'configmap',
  'persistentvolumeclaim',
  'service',
  'statefulset-apps',
  'poddisruptionbudget-policy',
  'networkpolicy-networking',
]
  .map((kind) => `${kind}-v1.json`)
  .concat('horizontalpodautoscaler-autoscaling-v2.json');

t.test('promtool: rules are rules, and alerts fire when they should and at no other time', async (t) => {
  installDebian({ promtool: 'prometheus' });
  const files = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name));
  t.match(run('promtool', ['check', 'rules', ...files('deploy/prometheus/rules')]), /SUCCESS: \d+ rules found/);
  const tests = run('promtool', ['test', 'rules', ...files('deploy/prometheus/tests')]);
  t.equal(tests.match(/SUCCESS/g)?.length, files('deploy/prometheus/tests').length, tests);
});

t.test('amtool: a page is a page, a ticket a ticket', async (t) => {
  installDebian({ amtool: 'prometheus-alertmanager' });
  const config = 'deploy/alertmanager/alertmanager.yml';
  t.match(run('amtool', ['check-config', config]), /SUCCESS/);
  const routed = (severity: string) =>
    run('amtool', ['config', 'routes', 'test', `--config.file=${config}`, `severity=${severity}`]);
  t.match(routed('page'), /^page/);
  t.match(routed('ticket'), /^ticket/);
});

t.test('hadolint: the Dockerfiles', async () => {
  for (const name of ['Dockerfile', 'Dockerfile.cuda']) {
    run(join(pythonTools(), 'bin/hadolint'), [join('deploy/docker', name)]);
  }
});

t.test(
  "Grafana's own types: every dashboard, its panels and its queries, and nothing that they do not know",
  async (t) => {
    const cwd = join(ROOT, 'tests/deploy/dashboards');
    // What is fetched is told where errors are.
    run('go', ['mod', 'download'], { cwd });
    const check = (files: readonly string[]) =>
      spawnSync('go', ['run', '-p', '1', '.', ...files], { cwd, encoding: 'utf8' });
    const folder = join(ROOT, 'deploy/grafana/dashboards');
    const files = readdirSync(folder).map((name) => join(folder, name));
    t.match(check(files), { status: 0, stdout: '', stderr: '' });
    const [first] = files;
    const broken = JSON.parse(readFileSync(first!, 'utf8'));
    broken.panels[0].options.legend.placement = 7;
    broken.panels[0].targets[0].query = 'up';
    broken.refreshes = '30s';
    const scratch = t.testdir({ 'broken.json': JSON.stringify(broken) });
    const { status, stdout } = check([join(scratch, 'broken.json')]);
    t.equal(status, 1);
    for (const what of [/refreshes/, /targets.*query/, /legend.*placement/]) t.match(stdout, what);
  },
);

t.test('systemd: the unit, and how much of the system it can reach', async (t) => {
  installDebian({ 'systemd-analyze': 'systemd' });
  const unit = 'deploy/systemd/switchyard.service';
  t.equal(run('systemd-analyze', ['verify', unit]), '');
  t.match(run('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit]), /OK/);
});

t.test("Kubernetes' schemas: every manifest of every overlay", async (t) => {
  const kustomize = installGo('kustomize', 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1');
  const kubeconform = installGo('kubeconform', 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0');
  const python = { env: { ...process.env, PYTHONPATH: pythonTools() } };
  const overlays = readdirSync(join(ROOT, 'deploy/kubernetes/overlays'));
  const scratch = t.testdir({ schemas: {}, ...Object.fromEntries(overlays.map((overlay) => [overlay, {}])) });
  writeSchemas(python.env.PYTHONPATH, join(scratch, 'schemas'));
  for (const overlay of overlays) {
    const folder = join(scratch, overlay);
    const manifests = run(kustomize, ['build', join('deploy/kubernetes/overlays', overlay), '-o', folder]);
    t.equal(manifests, '', overlay);
    const files = readdirSync(folder).map((name) => join(folder, name));
    t.ok(files.length >= 6, overlay);
    // Kinds of the Prometheus operator are no part of Kubernetes.
    const builtIn = files.filter((file) => !/monitoring\.coreos\.com/.test(file));
    const said = run('python3', ['-m', 'kubernetes_validate', '--strict', '-k', KUBERNETES, ...builtIn], python);
    t.notMatch(said, /ERROR|WARN/, overlay);
    // The same schemas for the other tool, which would fetch its own.
    const location = join(scratch, 'schemas', '{{.ResourceKind}}{{.KindSuffix}}.json');
    const options = ['-strict', '-summary', '-kubernetes-version', KUBERNETES, '-schema-location', location];
    t.match(run(kubeconform, [...options, ...builtIn]), /Invalid: 0, Errors: 0, Skipped: 0/, overlay);
  }
});

/** Writes schemas that need no other file, as kubeconform reads them, made of those that kubernetes-validate carries. */
function writeSchemas(packages: string, folder: string): void {
  const carried = join(packages, `kubernetes_validate/kubernetes-json-schema/v${KUBERNETES}-local-strict`);
  const read = (name: string) =>
    JSON.parse(readFileSync(join(carried, name), 'utf8').replaceAll('"/api/_definitions.json#/', '"#/'));
  const { $defs } = read('_definitions.json');
  for (const name of SCHEMAS) writeFileSync(join(folder, name), JSON.stringify({ ...read(name), $defs }));
}
