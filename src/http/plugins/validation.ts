import type { FastifySchemaValidationError } from 'fastify';
import { AppError } from '../../errors/app-error.js';

/** Turns what the schema found wrong into the one error that helps most: it names a field and what it may be. */
export function toValidationError(errors: readonly FastifySchemaValidationError[], part: string): AppError {
  const unions = new Set(errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath));
  // A branch of a union that failed by its type only says that another branch was meant.
  const telling = errors.find(
    ({ keyword, instancePath }) =>
      keyword !== 'anyOf' && keyword !== 'boolean' && !(keyword === 'type' && unions.has(instancePath)),
  );
  if (telling !== undefined) return describe(telling, part);
  const first = errors[0]!;
  const types = errors.filter((e) => e.keyword === 'type' && e.instancePath === first.instancePath);
  const reason = `must be ${types.map((e) => e.params.type).join(' or ')}`;
  return new AppError('invalid_value', { param: toParam(first.instancePath) || part, reason });
}

function describe({ keyword, instancePath, params, message }: FastifySchemaValidationError, part: string): AppError {
  const at = toParam(instancePath);
  const member = (name: string) => (at === '' ? name : `${at}.${name}`);
  switch (keyword) {
    case 'required': {
      const [name] = params.requiredProperties as string[];
      return new AppError('invalid_value', { param: member(name!), reason: 'is required' });
    }
    case 'additionalProperties': {
      const [name] = params.additionalProperties as string[];
      return new AppError('unsupported_parameter', { param: member(name!), reason: 'it is not known here' });
    }
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).join(', ');
      return new AppError('invalid_value', { param: at || part, reason: `must be one of ${allowed}` });
    }
    default:
      return new AppError('invalid_value', { param: at || part, reason: message ?? 'is not valid' });
  }
}

/** `/messages/0/content` is `messages[0].content` in OpenAI's errors. */
function toParam(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((step, depth) => (/^\d+$/.test(step) ? `[${step}]` : depth === 0 ? step : `.${step}`))
    .join('');
}

/** OpenAI's API and its clients let null stand for "not given". */
export function dropNulls(body: unknown): void {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return;
  const members = body as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    if (members[name] === null) delete members[name];
  }
}
