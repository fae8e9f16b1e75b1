import t from 'tap';
import { AppError } from '../../../src/errors/app-error.js';
import { ERRORS, type ErrorCode } from '../../../src/errors/table.js';

t.test('a message is filled from its params and names the field on the wire', async (t) => {
  const error = new AppError('invalid_value', { param: 'top_p', reason: 'must be at most 1' });
  t.same(error.toWire(), {
    error: {
      message: 'top_p: must be at most 1.',
      type: 'invalid_request_error',
      param: 'top_p',
      code: 'invalid_value',
    },
  });
});

t.test('an error crosses a process border unchanged', async (t) => {
  const error = new AppError('queue_full', { limit: 64, retryAfterS: 0.4 });
  const copy = AppError.fromMessage(JSON.parse(JSON.stringify(error.toMessage())));
  t.equal(copy.message, error.message);
  t.equal(copy.retryAfterS, 1);
});

t.test('only retryable errors ask the client to wait', async (t) => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const error = new AppError(code, { retryAfterS: 2 });
    t.equal(error.retryAfterS !== null, ERRORS[code].retryable, code);
  }
});
