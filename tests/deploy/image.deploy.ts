/** The images are built and run as Kubernetes would run them; without a GPU, the one for CUDA says what it lacks. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { MODELS } from '../integration/gateway-process.js';
import { BASE, buildImage, type Image, prepareBase, USER } from './container.js';
import { developmentPackagesIn, ROOT, run, start, until } from './tools.js';

const IMAGE = 'localhost/switchyard-test';
const PORT = '18090';
const SETTINGS = ['SWITCHYARD_MODELS_BASE=smollm2-135m-instruct', `PORT=${PORT}`, 'HOST=127.0.0.1'];
/** What is stated in docs/guides/operate.md: more is a package that slipped in. */
const MOST_ADDED_BYTES = 240e6;
const WHO = { User: `${USER}:${USER}`, Entrypoint: ['switchyard'], Cmd: ['serve'] };

/** With the models of the small base, as its user's. */
function volumeOf(t: Test): string {
  const volume = t.testdir({});
  cpSync(MODELS, join(volume, 'models'), { recursive: true, filter: (path) => !/qwen/.test(path), dereference: true });
  run('chown', ['-R', `${USER}:${USER}`, volume]);
  return volume;
}

const inImage = ({ inside }: Image, ...command: string[]) =>
  spawnSync('unshare', inside(...command), { encoding: 'utf8' });

t.before(prepareBase);

t.test('the image is built, and serves with a read-only root and a user of its own', async (t) => {
  const volume = volumeOf(t);
  const image = buildImage(t, 'deploy/docker/Dockerfile', IMAGE, { NODE_IMAGE: BASE }, volume, SETTINGS);
  t.match(image.config, WHO);
  const added = Number(run('du', ['-sb', join(image.root, 'app')]).split('\t')[0]);
  t.comment(`the image adds ${Math.round(added / 1e6)} MB to its base`);
  t.ok(added < MOST_ADDED_BYTES, `${added} bytes`);
  t.same(developmentPackagesIn(join(image.root, 'app')), [], 'no package of development');

  const doctor = inImage(image, 'switchyard', 'doctor');
  t.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  t.match(doctor.stdout, /good {2}kernels/);
  t.match(inImage(image, 'touch', '/app/there').stderr, /Read-only file system/);

  const keyOf = (name: string) => readFileSync(join(volume, `${name}.key`), 'utf8').trim();
  const files = (name: string) => [`--${name}-key-file`, `/var/lib/switchyard/${name}.key`];
  const init = inImage(image, 'switchyard', 'init', ...files('admin'), ...files('metrics'));
  t.equal(init.status, 0, init.stdout + init.stderr);

  const gateway = start('unshare', image.inside(...WHO.Entrypoint, ...WHO.Cmd));
  t.teardown(() => gateway.stop());
  const ready = async () => ((await fetch(`http://127.0.0.1:${PORT}/readyz`)).ok ? true : null);
  await until(`ready\n${gateway.output()}`, 180_000, ready);
  const health = parse(readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8').match(/CMD (\["node", .*\])/)![1]!);
  t.equal(inImage(image, ...health).status, 0, 'the health check sees it');
  const statusOf = async (path: string, key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return (await fetch(`http://127.0.0.1:${PORT}${path}`, { headers })).status;
  };
  t.equal(await statusOf('/metrics'), 401);
  t.equal(await statusOf('/metrics', keyOf('metrics')), 200);
  t.equal(await statusOf('/admin/tenants', keyOf('metrics')), 403);
  t.equal(await statusOf('/admin/tenants', keyOf('admin')), 200);
  await gateway.stop();
  t.not(inImage(image, ...health).status, 0, 'and that it is gone');
});

t.test(
  'the one for CUDA is built on it; where provider and GPU are missing it does not take the processor instead',
  async (t) => {
    const values = { GATEWAY_IMAGE: IMAGE, CUDA_IMAGE: BASE, ONNXRUNTIME_NODE_INSTALL: 'skip' };
    const image = buildImage(t, 'deploy/docker/Dockerfile.cuda', `${IMAGE}-cuda`, values, volumeOf(t), SETTINGS);
    t.match(image.config, WHO);
    const doctor = inImage(image, 'switchyard', 'doctor');
    t.match(doctor.stdout, /good {2}kernels/, 'all that the gateway needs is there');
    const gateway = start('unshare', image.inside(...WHO.Entrypoint, ...WHO.Cmd));
    t.teardown(() => gateway.stop());
    await until(`it says what is missing\n${gateway.output()}`, 60_000, () =>
      /cannot be loaded on cuda: .*docs\/gpu\.md/.test(gateway.output()) ? true : null,
    );
  },
);
