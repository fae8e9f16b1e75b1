/**
 * Images built by buildah, and programs in them run as Kubernetes would run them: the image's own user, a read-only root, nothing but
 * the volume and /tmp to write to. No container engine is needed: a mount namespace and a chroot do it with the same files.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { installDebian, ROOT, run } from './tools.js';

/** In place of Node's image, or of CUDA's: Debian with this machine's Node. */
export const BASE = 'localhost/switchyard-test-base';
export const USER = 10_001;
const HERE = join(ROOT, '.switchyard/image');

export interface Image {
  /** Its files, mounted. */
  readonly root: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly Env: readonly string[];
  };
  /** Arguments of `unshare` for a command in it. */
  inside(...command: readonly string[]): readonly string[];
}

/** What base images are made of, where they are not there yet. */
export function prepareBase(): void {
  installDebian({ buildah: 'buildah', debootstrap: 'debootstrap', setpriv: 'util-linux' });
  mkdirSync(HERE, { recursive: true });
  if (buildah('images', '--format', '{{.Name}}').includes(BASE)) return;
  run('bash', ['tests/deploy/base-image.sh', BASE, join(HERE, 'base')], {
    env: { ...process.env, STORAGE_DRIVER: 'vfs' },
  });
}

/** @param values of the Dockerfile's arguments @param env of what runs in it, beside the image's own */
export function buildImage(
  t: Test,
  dockerfile: string,
  image: string,
  values: Readonly<Record<string, string>>,
  volume: string,
  env: readonly string[],
): Image {
  const args = Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  buildah('bud', '--quiet', '--layers', ...args, '-f', dockerfile, '-t', image, '.');
  const { config } = JSON.parse(buildah('inspect', '--type', 'image', image)).OCIv1;
  const container = buildah('from', image).trim();
  t.teardown(() => buildah('rm', container));
  const root = buildah('mount', container).trim();
  const variables = [...config.Env, ...env].map((pair) => `'${pair}'`).join(' ');
  const mounts = `mount --bind ${root} ${root} && mount -o remount,bind,ro ${root}
     mount --bind ${volume} ${root}/var/lib/switchyard && mount -t tmpfs tmp ${root}/tmp && mount --rbind /dev ${root}/dev && mount -t proc proc ${root}/proc`;
  const user = `--reuid=${USER} --regid=${USER} --clear-groups --no-new-privs --bounding-set=-all`;
  const script = `${mounts}\nexec chroot ${root} setpriv ${user} env -i ${variables} "$@"`;
  return { root, config, inside: (...command) => ['--mount', 'bash', '-euc', script, 'inside', ...command] };
}

function buildah(...args: string[]): string {
  return run('buildah', args, { env: { ...process.env, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' } });
}
