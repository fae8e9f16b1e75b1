/** What scopes, names and texts the registry accepts: it checks them, and the schemas of the surfaces declare them. */

export const SCOPES = ['inference', 'documents', 'route', 'admin'] as const;

/** Names end up in URLs, labels of metrics and `name@version`, so they are plain. */
export const NAME_PATTERN = '^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$';

/** In characters. */
export const MAX_TENANT_NAME = 200;
export const MAX_KEY_LABEL = 200;
export const MAX_INSTRUCTIONS = 8000;
export const MAX_COMMENT = 4000;

export const MAX_ADAPTER_VERSION = 1_000_000;
