import { ERRORS, type ErrorCode, type ErrorSpec } from './table.js';

export type ErrorParams = Readonly<Record<string, string | number>>;

/** How an error crosses a process border. */
export interface ErrorMessage {
  readonly code: ErrorCode;
  readonly params: ErrorParams;
}

/** OpenAI's error envelope. */
export interface WireError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** An error from the table. Match on `code`, never on the message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly params: ErrorParams;

  constructor(code: ErrorCode, params: ErrorParams = {}, options?: ErrorOptions) {
    super(fill(ERRORS[code].message, params), options);
    this.name = 'AppError';
    this.code = code;
    this.params = params;
  }

  get spec(): ErrorSpec {
    return ERRORS[this.code];
  }

  /** Seconds for the Retry-After header, where waiting may help. */
  get retryAfterS(): number | null {
    const value = this.params.retryAfterS;
    return this.spec.retryable && typeof value === 'number' ? Math.max(1, Math.ceil(value)) : null;
  }

  toMessage(): ErrorMessage {
    return { code: this.code, params: this.params };
  }

  toWire(): WireError {
    const param = this.params.param;
    return {
      error: {
        message: this.message,
        type: this.spec.type,
        param: param === undefined ? null : String(param),
        code: this.code,
      },
    };
  }

  static fromMessage(message: ErrorMessage): AppError {
    return new AppError(message.code, message.params);
  }
}

function fill(template: string, params: ErrorParams): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole));
}
