/** Agents that are driven by tests: installed once by npm, into a folder of their own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** @param pinned a package with its version. Returns its folder of packages. @throws Error with what npm said */
export function installAgent(pinned: string): string {
  const folder = join(ROOT, '.switchyard/agents', pinned.replace(/[^\w.-]+/g, '-'));
  const packages = join(folder, 'node_modules');
  if (existsSync(folder)) return packages;
  // Renamed when it is whole, so that an installation that was interrupted is done again.
  const scratch = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(scratch);
  writeFileSync(join(scratch, 'package.json'), '{"private": true}');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', pinned];
  const { status, stderr, error } = spawnSync('npm', args, { cwd: scratch, encoding: 'utf8' });
  if (status !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    throw new Error(`npm could not install ${pinned}: ${stderr ?? error?.message}`);
  }
  renameSync(scratch, folder);
  return packages;
}
