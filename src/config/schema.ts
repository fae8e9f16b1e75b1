/**
 * Every setting: described, with its default. The only home of their names; `docs/reference/config.md` is generated
 * from it. Rooms receive their slice.
 */
import { type Static, Type } from 'typebox';
import { quality, responses, rollouts, tools, webhooks } from './sections/answers.js';
import { database, retrieval } from './sections/documents.js';
import { engines, upstream } from './sections/engines.js';
import { engine, models, tokenizer } from './sections/models.js';
import { admin, metrics, server, tls, tracing } from './sections/server.js';
import { backup, registry } from './sections/state.js';
import { closed } from './sections/values.js';

export const ConfigSchema = Type.Object(
  {
    dataDir: Type.String({
      description: 'Folder of everything that is kept: models, adapters, databases, indexes.',
      default: '.switchyard',
      minLength: 1,
    }),
    demo: Type.Boolean({
      description: 'Create the sample tenants with their fixed demo keys at start. Binds to loopback only.',
      default: true,
    }),
    server,
    tls,
    admin,
    models,
    engine,
    tokenizer,
    upstream,
    engines,
    tools,
    webhooks,
    retrieval,
    database,
    registry,
    backup,
    rollouts,
    quality,
    responses,
    tracing,
    metrics,
  },
  closed,
);

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
export type Config = DeepReadonly<Static<typeof ConfigSchema>>;
