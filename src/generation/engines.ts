import type { Engines, TextGenerator } from '../contracts/generator.js';
import { AppError } from '../errors/app-error.js';

/** Somebody has to configure it: asking again soon is no use. */
const RETRY_AFTER_S = 60;

/** @param named the default first; all of them compute one base */
export function createEngines(named: readonly (readonly [name: string, engine: TextGenerator])[]): Engines {
  const engines = new Map(named);
  return {
    base: named[0]![1].model,
    names: [...engines.keys()],
    of(name) {
      const engine = engines.get(name);
      if (engine !== undefined) return engine;
      const reason = `this gateway has none that is called "${name}"`;
      throw new AppError('engine_unavailable', { reason, retryAfterS: RETRY_AFTER_S });
    },
    forget(...what) {
      for (const engine of engines.values()) engine.forget?.(...what);
    },
  };
}
