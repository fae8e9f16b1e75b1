/** Streams an answer, in whatever frames a surface has for it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppError } from '../../../errors/app-error.js';
import type { AnswerEvent } from '../../../pipeline/types.js';
import { logError, toAppError } from '../../plugins/errors.js';
import { noteAnswer } from '../../plugins/log-fields.js';
import { createSseWriter } from '../../sse-writer.js';
import { writeRoute } from './routing.js';

export interface Frame {
  /** Where the surface gives its events names. */
  readonly event?: string;
  readonly data: object | '[DONE]';
}

export interface Framing {
  encode(event: AnswerEvent): readonly Frame[] | Promise<readonly Frame[]>;
  /** The end of a stream that went wrong. */
  failed(error: AppError): readonly Frame[];
  /** The end of one that did not, behind what is encoded. */
  readonly last: readonly Frame[];
}

/**
 * An error before the first byte is thrown, so that it gets its own status; a later one is sent as the last event. Events
 * are read to their end even when the client went away, so that the answer is metered whole.
 */
export async function streamAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<AnswerEvent>,
  framing: Framing,
  pingMs: number,
): Promise<void> {
  const stream = createSseWriter(reply, pingMs);
  const send = async (frames: readonly Frame[]) => {
    for (const { data, event } of frames) await stream.send(data, event);
  };
  try {
    for await (const event of events) {
      noteAnswer(request.logged, event);
      if (event.type === 'routed') {
        writeRoute(reply, event.route);
        stream.startPings();
      }
      // With `started` its tokens are set aside; a comment may open the stream before.
      if (!stream.opened()) reply.tellLimits();
      await send(await framing.encode(event));
    }
    await send(framing.last);
  } catch (error) {
    if (!stream.opened()) throw error;
    const known = toAppError(error, request);
    logError(request, known, error);
    await send(framing.failed(known));
  } finally {
    stream.stopPings();
  }
  stream.end();
}
