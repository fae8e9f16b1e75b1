/**
 * The image is built, and run as Kubernetes would run it: its own user, a read-only root, nothing but the volume and
 * /tmp to write to. Where no container engine can be had, buildah and a chroot do the same with the same files.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { MODELS } from '../integration/gateway-process.js';
import { installDebian, ROOT, run, start, until } from './tools.js';

const BASE = 'localhost/switchyard-test-base';
const IMAGE = 'localhost/switchyard-test';
const USER = 10_001;
const PORT = '18090';
const HERE = join(ROOT, '.switchyard/image');
/** What is stated in docs/guides/operate.md: more is a package that slipped in. */
const MOST_ADDED_BYTES = 550e6;

const buildah = (...args: string[]) =>
  run('buildah', args, { env: { ...process.env, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' } });

t.test('the image is built, and serves with a read-only root and a user of its own', async (t) => {
  installDebian({ buildah: 'buildah', debootstrap: 'debootstrap', setpriv: 'util-linux' });
  mkdirSync(HERE, { recursive: true });
  if (!buildah('images', '--format', '{{.Name}}').includes(BASE)) {
    run('bash', ['tests/deploy/base-image.sh', BASE, join(HERE, 'base')], {
      env: { ...process.env, STORAGE_DRIVER: 'vfs' },
    });
  }
  buildah(
    'bud',
    '--quiet',
    '--layers',
    '--build-arg',
    `NODE_IMAGE=${BASE}`,
    '-f',
    'deploy/docker/Dockerfile',
    '-t',
    IMAGE,
    '.',
  );
  const { config } = JSON.parse(buildah('inspect', '--type', 'image', IMAGE)).OCIv1;
  t.match(config, { User: `${USER}:${USER}`, Entrypoint: ['switchyard'], Cmd: ['serve'] });

  const container = buildah('from', IMAGE).trim();
  t.teardown(() => buildah('rm', container));
  const root = buildah('mount', container).trim();
  const bytes = (folder: string) => Number(run('du', ['-sb', folder]).split('\t')[0]);
  const added = bytes(join(root, 'app'));
  t.comment(`the image adds ${Math.round(added / 1e6)} MB to its base`);
  t.ok(added < MOST_ADDED_BYTES, `${added} bytes`);
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const carried = Object.keys(devDependencies).filter((name) => existsSync(join(root, 'app/node_modules', name)));
  t.same(carried, [], 'no package of development');

  const volume = t.testdir({});
  cpSync(MODELS, join(volume, 'models'), { recursive: true, filter: (path) => !/qwen/.test(path), dereference: true });
  run('chown', ['-R', `${USER}:${USER}`, volume]);
  const variables = [...config.Env, 'SWITCHYARD_MODELS_BASE=smollm2-135m-instruct', `PORT=${PORT}`, 'HOST=127.0.0.1'];
  // A mount namespace with the image's files read-only, the volume and a /tmp of its own, then the image's user in a chroot.
  const inside = (...command: string[]) => [
    '--mount',
    'bash',
    '-euc',
    `mount --bind ${root} ${root} && mount -o remount,bind,ro ${root}
     mount --bind ${volume} ${root}/var/lib/switchyard && mount -t tmpfs tmp ${root}/tmp && mount --rbind /dev ${root}/dev && mount -t proc proc ${root}/proc
     exec chroot ${root} setpriv --reuid=${USER} --regid=${USER} --clear-groups --no-new-privs --bounding-set=-all env -i ${variables.map((pair) => `'${pair}'`).join(' ')} "$@"`,
    'inside',
    ...command,
  ];
  const switchyard = (...args: string[]) => spawnSync('unshare', inside('switchyard', ...args), { encoding: 'utf8' });

  const doctor = switchyard('doctor');
  t.equal(doctor.status, 0, doctor.stdout + doctor.stderr);
  t.match(doctor.stdout, /good {2}kernels/);
  const writing = spawnSync('unshare', inside('touch', '/app/there'), { encoding: 'utf8' });
  t.match(writing.stderr, /Read-only file system/);

  const keyOf = (name: string) => readFileSync(join(volume, `${name}.key`), 'utf8').trim();
  const files = (name: string) => [`--${name}-key-file`, `/var/lib/switchyard/${name}.key`];
  const init = switchyard('init', ...files('admin'), ...files('metrics'));
  t.equal(init.status, 0, init.stdout + init.stderr);

  const gateway = start('unshare', inside(...config.Entrypoint, ...config.Cmd));
  t.teardown(() => gateway.stop());
  const ready = async () => ((await fetch(`http://127.0.0.1:${PORT}/readyz`)).ok ? true : null);
  await until(`ready\n${gateway.output()}`, 180_000, ready);
  const health = parse(readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8').match(/CMD (\["node", .*\])/)![1]!);
  t.equal(spawnSync('unshare', inside(...health)).status, 0, 'the health check sees it');
  const statusOf = async (path: string, key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return (await fetch(`http://127.0.0.1:${PORT}${path}`, { headers })).status;
  };
  t.equal(await statusOf('/metrics'), 401);
  t.equal(await statusOf('/metrics', keyOf('metrics')), 200);
  t.equal(await statusOf('/admin/tenants', keyOf('metrics')), 403);
  t.equal(await statusOf('/admin/tenants', keyOf('admin')), 200);
  await gateway.stop();
  t.not(spawnSync('unshare', inside(...health)).status, 0, 'and that it is gone');
});
