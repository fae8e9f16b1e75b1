import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { AppError } from '../../errors/app-error.js';
import type { App } from '../app.js';

const NoQuery = Type.Object({}, { additionalProperties: false });

/** A route below `app` that declares no query takes none: what is sent there by mistake is named, not ignored. */
export function addClosedQueries(app: App): void {
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: NoQuery, ...route.schema };
  });
}

/** Bodies are never coerced. Query and headers are text: what stands for a number or a truth value is read as one. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema);
  const inTexts = httpPart === 'body' ? [] : typedMembers(schema as ObjectSchema);
  return (given) => {
    const value = inTexts.length === 0 ? given : readTexts(inTexts, given);
    return compiled.Check(value)
      ? { value }
      : // Fastify reads an array here, and hands it to `toValidationError`.
        { error: compiled.Errors(value) as unknown as Error };
  };
};

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
}

type TypedMember = readonly [name: string, isNumber: boolean];

/** What is no text, and comes as one. */
function typedMembers({ properties = {} }: ObjectSchema): TypedMember[] {
  return Object.entries(properties).flatMap(([name, { type }]): TypedMember[] =>
    type === 'integer' || type === 'number' ? [[name, true]] : type === 'boolean' ? [[name, false]] : [],
  );
}

function readTexts(members: readonly TypedMember[], given: Readonly<Record<string, unknown>>) {
  let read = given;
  for (const [name, isNumber] of members) {
    const text = given[name];
    if (typeof text !== 'string') continue;
    // Only as people write numbers: TypeBox's own conversion takes `true` for 1, `1.5` for the integer 1 and `0x1` for 1.
    if (isNumber && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) read = { ...read, [name]: Number(text) };
    if (!isNumber && (text === 'true' || text === 'false')) read = { ...read, [name]: text === 'true' };
  }
  return read;
}

/** Turns what the schema found wrong into the one error that helps most: it names a field and what it may be. */
export function toValidationError(errors: readonly FastifySchemaValidationError[], part: string): AppError {
  const unions = new Set(errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath));
  const own = errors.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'boolean');
  // A branch of a union that failed by its type only says that another branch was meant.
  const telling =
    own.find(({ keyword }) => keyword !== 'type') ?? own.find(({ instancePath }) => !unions.has(instancePath));
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

/** OpenAI's API and its clients let null stand for "not given", at any depth of a body. */
export function addNullIsAbsent(app: App): void {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, nullIsAbsent: true };
  });
  app.addHook('preValidation', ({ body }, _reply, done) => {
    dropNulls(body);
    done();
  });
}

/**
 * Without recursion: a body may nest deeper than the stack. Files in it are left alone: their bytes are no members. So are
 * values: what a schema calls constant, and what a function was called with.
 */
export function dropNulls(body: unknown): void {
  const waiting: object[] = [];
  const visit = (value: unknown) => {
    if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) waiting.push(value);
  };
  visit(body);
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      continue;
    }
    const members = value as Record<string, unknown>;
    for (const name of Object.keys(members)) {
      const member = members[name];
      if (name === 'const') continue;
      if (member === null) delete members[name];
      else if (name !== 'input' || Array.isArray(member)) visit(member);
    }
  }
}
