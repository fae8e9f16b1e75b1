import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { currentActor } from '../audit/actor.js';
import type { Deployment } from '../contracts/registry.js';
import type { ChangedBy } from '../contracts/rollouts.js';
import { errorResponses } from '../errors/responses.js';
import { ChangeHeaders } from './schemas/common.js';
import { DeploymentParams, DeploymentSchema } from './schemas/deployments.js';

/** Headers of every route that changes what has revisions. */
export const RevisionHeaders = Type.Object({
  ...ChangeHeaders.properties,
  'if-match': Type.Optional(
    Type.String({
      pattern: '^"[0-9]{1,15}"$',
      description: 'The `etag` of what was read, its revision in quotes: 412 where somebody has changed it since.',
    }),
  ),
  'if-none-match': Type.Optional(Type.Literal('*', { description: 'Only where there is none yet: 412 otherwise.' })),
});

const idempotencyKey = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 200,
    description: 'Sent again with the same key, a change is made once.',
  }),
);
/** Headers of what is made without a name of its own. */
export const MakingHeaders = Type.Object({ ...ChangeHeaders.properties, 'idempotency-key': idempotencyKey });
/** Headers of what would not be the same, were it done twice. */
export const ConditionHeaders = Type.Object({ ...RevisionHeaders.properties, 'idempotency-key': idempotencyKey });

/** Schema of every route that changes a deployment, but for what it is called and its body. */
export const changingDeployment = {
  tags: ['admin'],
  params: DeploymentParams,
  headers: ConditionHeaders,
  response: { 200: DeploymentSchema, ...errorResponses },
};

/** Who changes something by this request, and on which condition. */
export function changedBy({ principal, headers }: FastifyRequest): ChangedBy {
  const key = headers['idempotency-key'];
  return {
    actor: principal.keyId,
    ifRevision: ifRevision(headers),
    idempotencyKey: key as string | undefined,
    reason: currentActor().reason ?? undefined,
  };
}

/** The revision that a change is conditional on; undefined: on none. */
export function ifRevision(headers: FastifyRequest['headers']): number | undefined {
  const match = headers['if-match'];
  if (headers['if-none-match'] === '*') return 0;
  return match === undefined ? undefined : Number(match.slice(1, -1));
}

/** As an answer, with what a change of it can be conditional on. */
export function withRevision<T extends { readonly revision: number }>(reply: FastifyReply, subject: T): T {
  reply.header('etag', `"${subject.revision}"`);
  return subject;
}

/** A deployment as an answer, with what a change of it can be conditional on. */
export function withEtag(reply: FastifyReply, deployment: Deployment): Deployment {
  const { revision, stableVersion, canaryVersion, canaryWeight } = deployment;
  const { request } = reply;
  if (request.method !== 'GET') request.logged.result = { revision, stableVersion, canaryVersion, canaryWeight };
  return withRevision(reply, deployment);
}
