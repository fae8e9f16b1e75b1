/**
 * Every error a user can meet: its HTTP status, OpenAI's error type, whether a retry may help, the level it is logged
 * at, and its message. The only home of error codes; `docs/reference/errors.md` is generated from it.
 */

export interface ErrorSpec {
  readonly status: number;
  readonly type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'not_found_error'
    | 'rate_limit_error'
    | 'server_error';
  readonly retryable: boolean;
  readonly level: 'info' | 'warn' | 'error';
  /** `{name}` is filled from the error's params. Says what is wrong and what to do. */
  readonly message: string;
}

const bad = (message: string, status = 400): ErrorSpec => ({
  status,
  type: 'invalid_request_error',
  retryable: false,
  level: 'info',
  message,
});
const missing = (message: string): ErrorSpec => ({
  status: 404,
  type: 'not_found_error',
  retryable: false,
  level: 'info',
  message,
});
const busy = (message: string, status: 429 | 503): ErrorSpec => ({
  status,
  type: status === 429 ? 'rate_limit_error' : 'server_error',
  retryable: true,
  level: status === 429 ? 'info' : 'warn',
  message,
});

/** A limit that waiting for a while does not change. */
const spent = (message: string): ErrorSpec => ({
  status: 429,
  type: 'rate_limit_error',
  retryable: false,
  level: 'info',
  message,
});

export const ERRORS = {
  invalid_json: bad('The body is not valid JSON: {reason}. Send a JSON object with content-type application/json.'),
  invalid_value: bad('{param}: {reason}.'),
  unsupported_parameter: bad('{param} is not supported: {reason}. Leave it out.'),
  invalid_http: bad('This is not HTTP/1.1 as RFC 9112 has it. Check the client, or the proxy before it.'),
  headers_too_large: bad('The headers are larger than 16 KiB. Send fewer, or shorter ones.', 431),
  request_incomplete: bad('The request did not arrive in time. Send it in one go.', 408),
  unsupported_media_type: bad('The content type {contentType} is not supported here. Use {supported}.', 415),
  body_too_large: bad('The body is larger than {limitBytes} bytes. Send less, or raise {setting}.', 413),
  file_too_large: bad(
    'The file has {bytes} bytes; at most {limitBytes} are accepted. Split it, or raise retrieval.maxFileBytes.',
    413,
  ),
  unsupported_file: bad('{filename} cannot be read: {reason}.', 422),
  document_too_complex: bad('{filename} cannot be read: {reason}. Split it into smaller or simpler files.', 422),
  content_filter: bad('The request was stopped by the rule {rule} of the safety policy {policy}. Change what it says.'),
  context_length_exceeded: bad(
    'The prompt has {promptTokens} tokens and max_tokens is {maxTokens}, but the context holds {contextTokens}. Shorten the messages or lower max_tokens.',
  ),
  request_ends_engine: bad(
    'The engine died {deaths} times while it answered this request, so it is not run again. Change it, or report it.',
    422,
  ),
  infill_not_supported: bad('{model} has no fill-in-the-middle tokens, so suffix cannot be used. Leave suffix out.'),
  adapter_invalid: bad('The adapter in {folder} was refused: {reason}.', 422),
  model_invalid: bad('{file} cannot be imported: {reason}.', 422),
  audit_broken: bad('The audit log {log} of {tenant} is not as it was written: {problem}.', 422),
  backup_failed: bad(
    'The backup could not be made: {reason}. Check the section backup of the configuration, and the store.',
    422,
  ),
  backup_invalid: bad('{file} is not a sound part of a backup: {reason}.', 422),
  copy_differs: bad(
    'The copy is not what it was made from: {tables}. Nothing of it was kept: begin again, and look after the disks where it happens again.',
    422,
  ),
  model_too_large: bad('{model} needs about {needed} of {what}, and there are {there}: {remedy}.', 422),
  model_unavailable: {
    status: 503,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message: 'The model {model} is not available: {reason}.',
  },
  model_hash_mismatch: {
    status: 503,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message:
      '{file} has SHA-256 {actual}, expected {expected}. Delete it and pull again; if it happens again the source was changed.',
  },
  invalid_api_key: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    level: 'info',
    message: 'The API key is missing or unknown. Send it as "Authorization: Bearer <key>", or as "x-api-key: <key>".',
  },
  api_key_expired: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    level: 'info',
    message: 'The API key {key} expired at {expiredAt}. Ask whoever made it for a new one.',
  },
  key_too_wide: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    level: 'info',
    message:
      'This key cannot make, rotate, change or revoke one that may do more than itself: {reason}. Use a key that may.',
  },
  scope_missing: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    level: 'info',
    message: 'This key lacks the scope {scope} that {what} needs. Use a key that has it.',
  },
  consent_missing: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    level: 'info',
    message:
      'The tenant {tenant} does not consent to training, so that {what} is not kept. Set trainingConsent in its data policy (switchyard tenants policy).',
  },
  texts_not_kept: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    level: 'info',
    message:
      'The tenant {tenant} keeps no texts of responses, so {param} is refused. Leave it out, or set storeResponses in its data policy (switchyard tenants policy).',
  },
  invalid_groups_token: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    level: 'info',
    message: 'The token in x-groups-token is refused: {reason}. Get a new one from who signs them.',
  },
  not_for_groups: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    level: 'info',
    message:
      '{what} is about all documents of the tenant, and this request is limited to what some groups may see. Use a key without groups, and no x-groups.',
  },
  model_not_found: missing('The model {model} does not exist for this key. GET /v1/models lists what does.'),
  not_found: missing('{what} {id} does not exist.'),
  previous_response_not_found: missing(
    'The response {id} is not kept, or not any more. Begin anew with all that was said before.',
  ),
  store_expired: bad(
    'The vector store {id} has expired, and holds no files any more. Delete it, and create another.',
    410,
  ),
  host_not_served: bad(
    'The host {host} is not served in demo mode, because the demo keys are public. Ask on 127.0.0.1 or localhost, or set SWITCHYARD_DEMO=false.',
    421,
  ),
  route_not_found: missing('{method} {path} does not exist. /docs lists the routes.'),
  method_not_allowed: bad('{path} has no {method}. It has {allowed}.', 405),
  upgrade_required: bad(
    'This path is read over a WebSocket only. Open one with "Upgrade: websocket", or send POST.',
    426,
  ),
  websocket_connection_limit_reached: bad(
    'The WebSocket is open for {limitMs} ms, which is as long as one may be. Open another one.',
  ),
  already_exists: bad('{what} {id} exists already.', 409),
  no_canary: bad('The deployment {deployment} has no canary. Set one first.', 409),
  nothing_to_roll_back: bad('The deployment {deployment} has neither a canary nor a previous version.', 409),
  rollout_under_way: bad('A rollout of {version} is under way. Wait for its end, promote it, or roll it back.', 409),
  no_rollout: bad('The deployment {deployment} has no rollout under way. Start one first.', 409),
  experiment_under_way: bad(
    'An experiment is under way, and what it compares must not change meanwhile. End it first (switchyard experiments stop), or roll back.',
    409,
  ),
  no_experiment: bad('The deployment {deployment} has no experiment under way. Start one first.', 409),
  revision_mismatch: bad(
    'The {what} {name} is at revision {revision}, not {ifRevision}. Read it again, and decide anew.',
    412,
  ),
  idempotency_key_reused: bad('The idempotency key {idempotencyKey} was used for another change. Use a new one.', 409),
  invalid_transition: bad('{version} is {from}, so it cannot become {to}. It can become {allowed}.', 409),
  version_in_use: bad(
    '{version} is {what}, so it cannot be {to}. Take it from there first; what must stop at once can be revoked.',
    409,
  ),
  signature_missing: bad(
    '{what} is not signed, and the tenant {tenant} asks for signatures. Sign it (docs/guides/versions.md), and name the signer.',
    422,
  ),
  signature_invalid: bad('The signature of the adapter is refused: {reason}. Sign the files as they are sent.', 422),
  version_not_servable: bad(
    '{version} is {status}, so it may not become stable or canary. Approve it first (switchyard adapters approve), or name another version.',
    409,
  ),
  webhook_failed: {
    ...busy('The webhook {webhook} could not be told: {reason}. It is tried again.', 503),
    level: 'info',
  },
  comparison_missing: bad(
    'This rollout requires a comparison, and {version} has none with {stable} that passed last. Run switchyard eval compare {deployment} stable and the version, or start it without requires.',
    409,
  ),
  rate_limited: busy('{whose} may send {limit} requests a minute. Retry after {retryAfterS} s.', 429),
  token_rate_limited: busy(
    '{whose} may use {limit} tokens a minute, and {tokens} more do not fit into this one. Retry after {retryAfterS} s, or ask for fewer (max_tokens).',
    429,
  ),
  request_exceeds_limit: spent(
    '{whose} may use {limit} tokens a minute, and this request asks for up to {tokens}. Shorten it, or ask for fewer (max_tokens).',
  ),
  insufficient_quota: spent(
    '{whose} has {left} tokens left of this month, and this request asks for up to {tokens}. Ask for fewer (max_tokens), or for a larger budget.',
  ),
  storage_limit_reached: bad(
    'The tenant {tenant} may keep {limit} bytes of files; it has {stored}, and this one has {bytes}. Delete some, or ask for more.',
    403,
  ),
  passage_limit_reached: bad(
    'The tenant {tenant} may keep {limit} passages, and has {stored} without this file. Delete documents, or ask for more.',
    403,
  ),
  too_many_concurrent: busy('{limit} requests are allowed, and they are under way. Retry after {retryAfterS} s.', 429),
  queue_full: busy('Too much is waiting already ({limit}). Retry after {retryAfterS} s.', 429),
  ingest_queue_full: busy('Too much waits for ingestion already ({limit}). Retry after {retryAfterS} s.', 429),
  engine_unavailable: busy('The engine is not available: {reason}. Retry after {retryAfterS} s.', 503),
  tokenizer_unavailable: busy('The tokenizer is not available: {reason}. Retry after {retryAfterS} s.', 503),
  retrieval_unavailable: busy('Retrieval is not available: {reason}. Retry after {retryAfterS} s.', 503),
  registry_unavailable: busy(
    'The registry that the gateways share cannot be used: {reason}. What was asked for may have been done: look, and retry after {retryAfterS} s.',
    503,
  ),
  storage_unavailable: busy('The data folder cannot be used: {reason}. Retry after {retryAfterS} s.', 503),
  overloaded: busy('The gateway has too much to do. Retry after {retryAfterS} s.', 503),
  draining: busy('The server is shutting down. Retry after {retryAfterS} s.', 503),
  deadline_exceeded: {
    status: 504,
    type: 'server_error',
    retryable: true,
    level: 'warn',
    message: 'The request took longer than {limitMs} ms. Ask for fewer tokens, or retry later.',
  },
  adapter_load_failed: {
    status: 500,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message: 'The adapter {adapter} could not be loaded: {reason}.',
  },
  version_revoked: {
    status: 503,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message:
      '{version}, the version that {deployment} serves, was revoked. Roll the deployment back, or give it another stable version.',
  },
  generation_failed: {
    status: 500,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message: 'The answer could not be generated: {reason}. If an adapter is in use, roll it back.',
  },
  config_invalid: {
    status: 500,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message: 'The configuration is wrong: {reason}.',
  },
  internal: {
    status: 500,
    type: 'server_error',
    retryable: false,
    level: 'error',
    message: 'Something went wrong on our side. Give the request id {requestId} when you report it.',
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;
