import os from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { readManifest } from '../layouts/manifest.js';
import { commit, describeMachine, productVersion } from '../machine/machine.js';
import { type NativeLibrary, openNativeLibrary } from '../native/library.js';
import { bad, type Finding, good, poor, size } from './finding.js';
import { manifestsBeside, memoryNeed } from './memory.js';

/** Every release that is still maintained. */
const OLDEST_MAINTAINED_NODE = 22;
const COPIED_BYTES = 128 * 2 ** 20;

export function checkVersions(): Finding[] {
  const version = productVersion();
  const { node, v8 } = process.versions;
  const revision = commit();
  const what = 'versions';
  const found = `Switchyard ${version}${revision ? ` (${revision})` : ''}, Node ${node} (V8 ${v8}), ${os.type()} ${os.release()} ${process.arch}`;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) return [bad(what, found, 'Install Node 22 or 24.')];
  if (major < OLDEST_MAINTAINED_NODE) {
    return [poor(what, found, `Node ${major} gets no security fixes any more: install Node 22 or 24.`)];
  }
  return [good(what, found)];
}

export function checkMachine({ engine }: Config): Finding[] {
  const { cpu, cores, avx512, vnni, amx } = describeMachine();
  const sets =
    [avx512 && 'AVX-512', vnni && 'VNNI', amx && 'AMX'].filter(Boolean).join(', ') || 'neither AVX-512, VNNI nor AMX';
  const found = `${cpu}, ${cores} cores, ${sets}`;
  if (engine.threads > cores) {
    return [
      poor(
        'processor',
        found,
        `engine.threads is ${engine.threads}, and there are ${cores} cores: leave it at 0, which measures.`,
      ),
    ];
  }
  return [good('processor', found)];
}

/** Computes with each instruction set what plain C++ computes, and compares. */
export function checkKernels({ engine }: Config): Finding[] {
  const what = 'kernels';
  let library: NativeLibrary | null;
  try {
    library = openNativeLibrary();
  } catch (error) {
    return [bad(what, (error as Error).message, 'Build it anew, then look again: with it the engine cannot start.')];
  }
  if (library === null) {
    const advice =
      'Answers are slower without: install a C++ compiler and Python 3, then run "npm rebuild switchyard" (in a clone "npm run build:native").';
    return [poor(what, 'not built: the engine runs on stock operators', advice)];
  }
  const faults = library.paths.flatMap((path) => {
    const fault = library.faultOf(path);
    return fault === null ? [] : [`${path}: ${fault}`];
  });
  if (faults.length > 0) {
    const advice = 'Build them anew; if that does not help, set engine.kernels to "stock" and report this.';
    return [bad(what, `the self-test fails (${faults.join('; ')})`, advice)];
  }
  if (!['auto', 'stock', ...library.paths].includes(engine.kernels)) {
    const advice = `Set engine.kernels to "auto", or to one of ${library.paths.join(', ')}.`;
    return [bad(what, `this processor cannot run ${engine.kernels}`, advice)];
  }
  const best = library.paths[0]!;
  const found = `the self-test passes for ${library.paths.join(', ')}`;
  if (best === 'scalar')
    return [poor(what, found, 'Without AVX2 answers take many times as long: use another machine.')];
  return [good(what, found)];
}

/** What models, caches and slots may take when all are full, against what is there for this process. */
export async function checkMemory(config: Config): Promise<Finding[]> {
  const base = await readManifest(join(config.dataDir, 'models', config.models.base));
  const { most, limit } = memoryNeed(config, [base, ...(await manifestsBeside(config))]);
  const found = `${size(limit)} for this process, ${size(os.freemem())} of the machine free; models, slots and caches take up to ${size(most)}; copies ${copyRate().toFixed(1)} GB/s on one core`;
  if (most > limit) {
    const advice =
      'Once all slots and caches are full the system may end the engine: lower engine.contextTokens, engine.slots, engine.prefixCacheTokens or engine.passageCacheBytes, or give it more memory.';
    return [poor('memory', found, advice)];
  }
  return [good('memory', found)];
}

/** Writing an answer reads all weights for each token, so memory bounds its pace. GB/s, the best of three. */
function copyRate(): number {
  const from = Buffer.alloc(COPIED_BYTES, 1);
  const to = Buffer.alloc(COPIED_BYTES);
  const seconds = [1, 2, 3].map(() => {
    const start = performance.now();
    from.copy(to);
    return (performance.now() - start) / 1000;
  });
  return COPIED_BYTES / Math.min(...seconds) / 1e9;
}
