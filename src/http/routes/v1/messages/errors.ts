import type { AppError } from '../../../../errors/app-error.js';

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/** Its clients' loops begin with it, and go on without once they are told so. */
const NO_THREADS = { details: { error_code: 'thread_unsupported_request' } };

/** Anthropic's envelope; what its types do not tell apart is in the message. */
export function toErrorBody({ spec: { status }, message, params }: AppError, requestId: string) {
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return {
    type: 'error',
    error: { type, message, ...(params.param === 'thread' && NO_THREADS) },
    request_id: requestId,
  };
}
