/** A line of the log: text that is hashed as it is, so that nothing depends on how it would be written anew. */
import { createHash } from 'node:crypto';
import type { Actor, AuditChange, AuditEntry } from '../contracts/audit.js';

/** Before the first line. */
export const GENESIS = '0'.repeat(64);

export interface Line {
  readonly line: string;
  readonly hash: string;
}

export function toLine(
  change: AuditChange,
  { seq, at, actor, previous }: { seq: number; at: number; actor: Actor; previous: string },
): Line {
  const { tenant, action, subject, before, after } = change;
  const line = JSON.stringify({ seq, at, tenant, actor, action, subject, before, after, previous });
  return { line, hash: hashOf(line) };
}

export function fromLine({ line, hash }: Line): AuditEntry {
  return { ...JSON.parse(line), hash };
}

export function hashOf(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}
