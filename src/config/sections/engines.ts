/** Servers that generate, and which engine answers. */
import { Type } from 'typebox';
import { upstream as servers } from './models.js';
import { closed, integer } from './values.js';

export const upstream = Type.Object(
  {
    ...servers.properties,
    contextTokens: integer(
      'Tokens that they hold of a prompt with its answer; 0: as many as engine.contextTokens says.',
      0,
      0,
      10_000_000,
    ),
  },
  { ...closed, default: {} },
);

export const engines = Type.Object(
  {
    default: Type.String({
      description:
        'What answers where a deployment names no engine, and for the base model: `embedded`, `upstream`, or the name of a pool. Empty: `upstream` where upstream.urls is set, else `embedded`.',
      default: '',
    }),
    embedded: Type.Boolean({
      description: 'Whether the embedded engine runs also where another one is the default.',
      default: false,
    }),
    pools: Type.Record(Type.String(), upstream, {
      description:
        'Further servers that deployments may name (`engine`), by name, each with settings as `upstream` has them: `{"gpu": {"urls": "http://10.0.0.9:8000"}}`. They serve models.base.',
      accepts: 'an object of up to 16 pools, in the environment as JSON',
      default: {},
    }),
  },
  { ...closed, default: {} },
);
