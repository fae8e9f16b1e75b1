import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The regular files below a folder, as paths from it with slashes, sorted. Links are followed, since a mounted
 * Kubernetes ConfigMap is nothing but links; a folder that holds itself is entered once.
 */
export function findFiles(folder: string, isWanted: (name: string) => boolean = () => true): string[] {
  const found: string[] = [];
  const walk = (below: string, parents: readonly string[]) => {
    const real = realpathSync(join(folder, below));
    if (parents.includes(real)) return;
    for (const name of readdirSync(real)) {
      if (!isWanted(name)) continue;
      const stat = statSync(join(real, name), { throwIfNoEntry: false });
      const path = below === '' ? name : `${below}/${name}`;
      if (stat?.isDirectory()) walk(path, [...parents, real]);
      else if (stat?.isFile()) found.push(path);
    }
  };
  walk('', []);
  return found.sort();
}
