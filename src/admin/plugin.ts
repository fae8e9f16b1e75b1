import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Registry } from '../contracts/registry.js';

export type AdminPlugin = FastifyPluginAsyncTypebox<{ registry: Registry }>;
