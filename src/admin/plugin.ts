import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Captures } from '../contracts/captures.js';
import type { Engines } from '../contracts/generator.js';
import type { ToolCaller } from '../contracts/http-tools.js';
import type { ModelImports } from '../contracts/model-imports.js';
import type { Registry } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';

export type AdminPlugin = FastifyPluginAsyncTypebox<{
  registry: Registry;
  retrieval: Retrieval;
  captures: Captures;
  engines: Engines;
  toolCaller: ToolCaller;
  modelImports: ModelImports;
}>;
