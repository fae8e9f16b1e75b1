/** Who changed what: lines of the audit log. Types only. */

/** Whoever asked for a change. */
export interface Actor {
  /** `key`: a caller of the API. `system`: the gateway itself, as when it creates the samples. */
  readonly kind: 'key' | 'system';
  /** Of the API key; of a system, its name. */
  readonly id: string;
  /** Of the key: an administrator's may be another than the one whose things are changed. */
  readonly tenant: string | null;
  readonly requestId: string | null;
  /** Why, in the caller's words. */
  readonly reason: string | null;
}

export interface AuditChange {
  /** Whose log it stands in; `*`: the gateway's own. */
  readonly tenant: string;
  /** What was done to what kind of thing: `deployment.promoted`. */
  readonly action: string;
  /** Name or id of the thing. */
  readonly subject: string;
  /** As the API shows it; null: it was not there, or is not there any more. */
  readonly before: unknown;
  readonly after: unknown;
}

export interface AuditEntry extends AuditChange {
  /** From 1 on, without gaps. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actor: Actor;
  /** SHA-256 of the line before; of the first one, zeros. */
  readonly previous: string;
  /** SHA-256 of this line. */
  readonly hash: string;
}

/** That a log reached this far, signed: whatever is missing of it later was taken away. */
export interface AuditCheckpoint {
  /** Which of the gateway's logs: that of the registry, or of the documents. */
  readonly log: string;
  readonly tenant: string;
  readonly seq: number;
  readonly hash: string;
  /** Ed25519 over all of the above, base64. */
  readonly signature: string;
}

export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  /** null: nothing was ever written. */
  readonly head: AuditCheckpoint | null;
}
