import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { Type } from 'typebox';
import { ERROR_SCHEMA } from '../../errors/responses.js';
import type { App } from '../app.js';
import { type Schema, toDocumented } from './documented.js';

const ErrorSchema = Type.Object(
  {
    error: Type.Object({
      message: Type.String(),
      type: Type.String(),
      param: Type.Union([Type.String(), Type.Null()]),
      code: Type.String(),
    }),
  },
  { $id: ERROR_SCHEMA, description: 'What went wrong and what to do. Match on `code`.' },
);

/** Documents the routes that are registered after it, at /docs. */
export async function addDocs(app: App): Promise<void> {
  app.addSchema(ErrorSchema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Switchyard',
        version: '1.0.0',
        description: 'Retrieval-augmented serving gateway with one LoRA adapter a tenant, in the shapes of OpenAI.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: 'http://127.0.0.1:8080', description: 'The default of `npm start`.' }],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key; the tenant comes from it.' },
        },
      },
      security: [{ key: [] }],
    },
    transform: ({ schema, url, route: { config } }) => ({
      schema: schema?.body
        ? { ...schema, body: toDocumented(schema.body as Schema, config?.nullIsAbsent ?? false) }
        : schema,
      url,
    }),
    refResolver: { buildLocalReference: (json) => String(json.$id) },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
}
