/** Which engines a configuration has. */
import { invalid } from './checked.js';
import { redact } from './redact.js';
import type { Config } from './schema.js';
import { POOLS } from './settings.js';

export interface ConfiguredEngines {
  /** The default first. */
  readonly names: readonly string[];
  /** Whether the embedded one is among them. */
  readonly embedded: boolean;
  readonly pools: ReadonlyMap<string, Config['upstream']>;
}

export function enginesOf({ engines, upstream }: Pick<Config, 'engines' | 'upstream'>): ConfiguredEngines {
  const own = upstream.urls === '' ? [] : [['upstream', upstream] as const];
  const pools = new Map([...own, ...Object.entries(engines.pools)]);
  const first = engines.default || (own.length > 0 ? 'upstream' : 'embedded');
  const embedded = engines.embedded || first === 'embedded';
  const names = [first, ...(embedded ? ['embedded'] : []), ...pools.keys()];
  return { names: [...new Set(names)], embedded, pools };
}

/** @throws AppError `config_invalid` */
export function checkEngines(config: Config): void {
  const { names, pools } = enginesOf(config);
  const seen = new Map<string, string>();
  for (const [name, { urls }] of pools) {
    const setting = name === 'upstream' ? 'upstream.urls' : `${POOLS}.${name}.urls`;
    const addresses = addressesIn(urls);
    if (addresses.length === 0) throw invalid(`${setting} must hold the addresses of the pool's servers`);
    for (const url of addresses) {
      const shown = redact({ path: setting }, url);
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
        throw invalid(`${setting} must hold addresses like http://10.0.0.1:8000, with commas between, got "${shown}"`);
      }
      // However it is written: the slots of a server are counted once, and who drains it drains all of it.
      const { origin, pathname, search } = new URL(url);
      const server = origin + pathname + search;
      const other = seen.get(server);
      if (other !== undefined) throw invalid(`${setting} must not hold "${shown}", which ${other} holds already`);
      seen.set(server, setting);
    }
  }
  const [first] = names;
  if (first === 'embedded' || pools.has(first!)) return;
  throw invalid(`engines.default must be one of ${['embedded', ...pools.keys()].join(', ')}, got "${first}"`);
}

/** As `upstream.urls` has them. */
export const addressesIn = (urls: string): string[] =>
  urls
    .split(',')
    .map((url) => url.trim().replace(/\/$/, ''))
    .filter((url) => url !== '');
