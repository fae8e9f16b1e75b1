import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { DOCUMENT_KINDS } from '../../../contracts/document-kinds.js';
import type { NewFile, StoredFile } from '../../../contracts/retrieval.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import { keepFile } from '../../../forms/keep-file.js';
import { type Form, readForm } from '../../../forms/read-form.js';
import type { App, Services } from '../../app.js';
import { GroupHeaders } from '../../plugins/groups.js';
import { isId } from '../../plugins/log-fields.js';
import { deleted, FilesQuery, listOf, toFilesRequest, toList } from './pagination.js';

const PURPOSES = ['assistants', 'user_data', 'batch'];
const MAX_FIELDS = 8;
const MAX_FIELD_BYTES = 1024;
/** Of a form besides its file. */
const FORM_BYTES = 64 * 1024;

const FileSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('file'),
    bytes: Type.Integer(),
    created_at: Type.Integer(),
    expires_at: Type.Null(),
    filename: Type.String(),
    purpose: Type.String(),
    status: Type.Literal('processed'),
  },
  { description: 'The file.' },
);

const PurgeBody = Type.Object(
  {
    file_ids: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 100, uniqueItems: true }),
  },
  { additionalProperties: false },
);

const PurgeSchema = Type.Object(
  {
    object: Type.Literal('file.purge'),
    files: Type.Integer({ description: 'That were purged.' }),
    pieces: Type.Integer({
      description: 'Of their bytes, passages, vectors and terms, that were looked for: what no other document holds.',
    }),
    searched_files: Type.Integer({ description: 'Of the data folder.' }),
    searched_bytes: Type.Integer(),
    found: Type.Array(Type.String(), {
      description: 'Files of the data folder that still hold a piece: copies that somebody keeps there.',
    }),
  },
  { description: 'Extension. What is left of the files.' },
);

interface FormFile {
  readonly name: string;
  readonly filename: string;
  readonly content: NewFile['content'];
}

const FileId = Type.Object({ file_id: Type.String() });
const tags = ['documents'];

export async function addFiles(app: App, { config, engines, registry, retrieval, captures }: Services): Promise<void> {
  const maxFileBytes = config.retrieval.maxFileBytes;
  const limits = { fileSize: maxFileBytes, files: 1, fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES };
  const kept = new WeakMap<FastifyRequest, string>();
  const discard = async (request: FastifyRequest) => {
    const path = kept.get(request);
    if (path !== undefined) await rm(path, { force: true });
  };
  app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest, body: Readable) => {
    const path = join(app.uploads.dir, `file-${randomUUID()}`);
    kept.set(request, path);
    try {
      return await readForm(request.headers, body, limits, async ({ name, filename, content }) => ({
        name,
        filename,
        content: await keepFile(content, path),
      }));
    } catch (error) {
      await discard(request);
      throw error;
    }
  });
  app.addHook('onResponse', discard);

  app.post(
    '/v1/files',
    {
      config: { scope: 'documents', maxFileBytes },
      bodyLimit: maxFileBytes + FORM_BYTES,
      // The body is a form, which the handler checks; the schema only documents it.
      validatorCompiler: () => () => true,
      schema: {
        summary: 'Upload a document; it can be searched once it is attached to a vector store',
        description: `Read are ${DOCUMENT_KINDS}. Anything else is refused for the purposes \`assistants\` and \`user_data\`.`,
        operationId: 'createFile',
        tags,
        consumes: ['multipart/form-data'],
        body: Type.Object(
          { file: Type.String({ format: 'binary' }), purpose: Type.Enum(PURPOSES) },
          { additionalProperties: false },
        ),
        response: { 200: FileSchema, ...errorResponses },
      },
    },
    async (request) => {
      try {
        const upload = readUpload(request);
        const { tenant } = await registry.limitsOf(request.principal);
        return toWire(await retrieval.createFile(request.principal.tenant, upload, tenant.storedBytes));
      } finally {
        // The client may be gone for long.
        await discard(request);
      }
    },
  );

  app.get(
    '/v1/files',
    {
      config: { scope: 'documents' },
      schema: {
        summary: 'Files',
        operationId: 'listFiles',
        tags,
        querystring: FilesQuery,
        response: { 200: listOf(FileSchema), ...errorResponses },
      },
    },
    async ({ principal, query }) =>
      toList(await retrieval.listFiles(principal.tenant, toFilesRequest(query), query.purpose ?? null), toWire),
  );

  app.get(
    '/v1/files/:file_id',
    {
      config: { scope: 'documents', takesGroups: true },
      schema: {
        summary: 'One file',
        operationId: 'retrieveFile',
        tags,
        headers: GroupHeaders,
        params: FileId,
        response: { 200: FileSchema, ...errorResponses },
      },
    },
    async ({ principal, params }) =>
      toWire(await retrieval.getFile(principal.tenant, params.file_id, principal.groups)),
  );

  app.get(
    '/v1/files/:file_id/content',
    {
      config: { scope: 'documents', takesGroups: true },
      schema: {
        summary: 'The bytes of a file, as they were uploaded',
        operationId: 'downloadFile',
        tags,
        headers: GroupHeaders,
        params: FileId,
        response: {
          200: {
            description: 'The bytes.',
            content: { 'application/octet-stream': { schema: Type.String({ format: 'binary' }) } },
          },
          ...errorResponses,
        },
      },
    },
    async ({ principal, params }, reply) => {
      const content = await retrieval.getFileContent(principal.tenant, params.file_id, principal.groups);
      // Never a type that a browser would render: the bytes are a tenant's.
      return reply
        .type('application/octet-stream')
        .header('content-disposition', 'attachment')
        .send(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
    },
  );

  app.post(
    '/v1/files/purge',
    {
      config: { scope: 'documents' },
      schema: {
        summary: 'Delete files for good, and look for what is left of them in the data folder',
        operationId: 'purgeFiles',
        tags,
        body: PurgeBody,
        response: { 200: PurgeSchema, ...errorResponses },
      },
    },
    async ({ principal, body, logged }) => {
      logged.result = { files: body.file_ids.filter(isId) };
      // Before it is looked for what is left: captured texts hold passages.
      await captures.forgetDocuments(principal.tenant, body.file_ids);
      await registry.forgetEvaluationTexts(principal.tenant);
      const report = await retrieval.purgeFiles(principal.tenant, body.file_ids);
      // It knows no documents: what it computed of their passages goes with all else of the tenant.
      engines.forget(principal.tenant);
      return {
        object: 'file.purge',
        files: report.files,
        pieces: report.pieces,
        searched_files: report.searchedFiles,
        searched_bytes: report.searchedBytes,
        found: report.found,
      };
    },
  );

  app.delete(
    '/v1/files/:file_id',
    {
      config: { scope: 'documents' },
      schema: {
        summary: 'Delete a file and every passage made from it',
        operationId: 'deleteFile',
        tags,
        params: FileId,
        response: {
          200: deleted('file'),
          ...errorResponses,
        },
      },
    },
    async ({ principal, params }) => {
      await retrieval.deleteFile(principal.tenant, params.file_id);
      return { id: params.file_id, object: 'file', deleted: true };
    },
  );
}

function readUpload(request: FastifyRequest): NewFile {
  if (!request.headers['content-type']?.startsWith('multipart/form-data')) {
    throw new AppError('unsupported_media_type', {
      contentType: request.headers['content-type'] ?? '(none)',
      supported: 'multipart/form-data',
    });
  }
  const { fields, files } = request.body as Form<FormFile>;
  const unknown = [...files.filter(({ name }) => name !== 'file'), ...fields.filter(({ name }) => name !== 'purpose')];
  if (unknown[0]) throw unknownField(unknown[0].name);
  const [file] = files;
  if (!file) throw new AppError('invalid_value', { param: 'file', reason: 'is required' });
  if (file.filename === '') {
    throw new AppError('invalid_value', { param: 'file', reason: 'needs a file name, which tells its kind' });
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(file.filename)) {
    throw new AppError('invalid_value', { param: 'file', reason: 'has a file name with control characters in it' });
  }
  const purpose = fields.at(-1)?.value;
  if (purpose === undefined || !PURPOSES.includes(purpose)) {
    throw new AppError('invalid_value', { param: 'purpose', reason: `must be one of ${PURPOSES.join(', ')}` });
  }
  return { filename: file.filename, content: file.content, purpose };
}

function unknownField(param: string): AppError {
  return new AppError('unsupported_parameter', { param, reason: 'it is not known here' });
}

function toWire(file: StoredFile) {
  return {
    id: file.id,
    object: 'file',
    bytes: file.bytes,
    created_at: file.createdAt,
    expires_at: null,
    filename: file.filename,
    purpose: file.purpose,
    status: 'processed',
  };
}
