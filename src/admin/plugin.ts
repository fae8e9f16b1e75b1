import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Registry } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';

export interface AdminServices {
  readonly registry: Registry;
  readonly retrieval: Retrieval;
}

export type AdminPlugin = FastifyPluginAsyncTypebox<AdminServices>;
