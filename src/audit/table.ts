export interface AuditTables {
  audit_lines: {
    tenant: string;
    seq: number;
    /** JSON, as it was hashed. */
    line: string;
    hash: string;
  };
  /** How far each tenant's lines go. */
  audit_heads: {
    tenant: string;
    seq: number;
    hash: string;
    signature: string;
  };
}

/**
 * The tables as their first release has them. Whose database they lie in runs these as one of its migrations. The triggers
 * keep the gateway's own mistakes away from the log; whoever writes to the file otherwise is found by `verify`.
 */
export const AUDIT_SCHEMA: readonly string[] = [
  `CREATE TABLE audit_lines (
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    line TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
  ) STRICT`,
  `CREATE TABLE audit_heads (
    tenant TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL
  ) STRICT`,
  `CREATE TRIGGER audit_lines_stay BEFORE UPDATE ON audit_lines
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
  `CREATE TRIGGER audit_lines_remain BEFORE DELETE ON audit_lines
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
];
