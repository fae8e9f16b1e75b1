import type { AuditEntry } from '../contracts/audit.js';

/** Of the schema of OCSF: https://schema.ocsf.io/1.3.0/classes/entity_management */
const VERSION = '1.3.0';
const CATEGORY = { uid: 3, name: 'Identity & Access Management' };
const ENTITY_MANAGEMENT = { uid: 3004, name: 'Entity Management' };
const ACTIVITIES = { create: 1, read: 2, update: 3, delete: 4 } as const;

/** A line of the log as an event of the class Entity Management, which a SIEM reads without being taught. */
export function toOcsf({ log, ...entry }: AuditEntry & { readonly log: string }): object {
  const { seq, at, tenant, actor, action, subject, before, after, previous, hash } = entry;
  const changed = before === null ? 'create' : after === null ? 'delete' : 'update';
  const activity = before === null && after === null ? 'read' : changed;
  const type = action.split('.')[0];
  const entity = (data: unknown) => ({ type, uid: subject, name: subject, ...(data !== null && { data }) });
  return {
    category_uid: CATEGORY.uid,
    category_name: CATEGORY.name,
    class_uid: ENTITY_MANAGEMENT.uid,
    class_name: ENTITY_MANAGEMENT.name,
    activity_id: ACTIVITIES[activity],
    activity_name: activity[0]!.toUpperCase() + activity.slice(1),
    type_uid: ENTITY_MANAGEMENT.uid * 100 + ACTIVITIES[activity],
    time: at,
    severity_id: 1,
    status_id: 1,
    message: `${action} ${subject}`,
    ...(actor.reason !== null && { comment: actor.reason }),
    actor: {
      user: { uid: actor.id, type: actor.kind, ...(actor.tenant !== null && { org: { uid: actor.tenant } }) },
    },
    entity: entity(before),
    entity_result: entity(after),
    metadata: {
      version: VERSION,
      product: { name: 'Switchyard', vendor_name: 'Switchyard' },
      log_name: log,
      tenant_uid: tenant,
      sequence: seq,
      uid: hash,
      ...(actor.requestId !== null && { correlation_uid: actor.requestId }),
    },
    unmapped: { action, previous },
  };
}
