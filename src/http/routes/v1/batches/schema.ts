import { Type } from 'typebox';
import { ENDPOINTS } from './lines.js';

const HOURS = 24;
export const WINDOW_MS = HOURS * 3_600_000;

export const BatchBody = Type.Object(
  {
    input_file_id: Type.String({ minLength: 1, description: 'Of the purpose `batch`: JSON lines.' }),
    endpoint: Type.Enum(ENDPOINTS, { description: 'Of every line.' }),
    completion_window: Type.Literal(`${HOURS}h`),
    metadata: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), { maxProperties: 16 }),
    ),
  },
  { additionalProperties: false },
);

const Time = Type.Union([Type.Integer(), Type.Null()]);
const FileId = Type.Union([Type.String(), Type.Null()]);

export const BatchSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('batch'),
    endpoint: Type.String(),
    errors: Type.Union([
      Type.Object({
        object: Type.Literal('list'),
        data: Type.Array(
          Type.Object({
            code: Type.String(),
            message: Type.String(),
            param: Type.Null(),
            line: Type.Union([Type.Integer(), Type.Null()]),
          }),
        ),
      }),
      Type.Null(),
    ]),
    input_file_id: Type.String(),
    completion_window: Type.String(),
    status: Type.Enum([
      ...['validating', 'failed', 'in_progress', 'finalizing'],
      ...['completed', 'expired', 'cancelling', 'cancelled'],
    ]),
    output_file_id: FileId,
    error_file_id: Type.Union([Type.String(), Type.Null()], { description: 'Of lines that were refused, or not run.' }),
    created_at: Type.Integer(),
    in_progress_at: Time,
    expires_at: Time,
    finalizing_at: Time,
    completed_at: Time,
    failed_at: Time,
    expired_at: Time,
    cancelling_at: Time,
    cancelled_at: Time,
    request_counts: Type.Object({ total: Type.Integer(), completed: Type.Integer(), failed: Type.Integer() }),
    metadata: Type.Record(Type.String(), Type.String()),
  },
  { description: 'The batch.' },
);
