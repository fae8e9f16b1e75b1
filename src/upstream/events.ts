import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { createParser } from 'eventsource-parser';
import { broken } from './failure.js';

/** Longest event, in characters; one with the probabilities of 20 tokens has some thousand. */
const MAX_EVENT_CHARACTERS = 1024 * 1024;

/** Its first byte. */
const BYTE_ORDER_MARK = 0xef;

/**
 * The data of the server-sent events in a body, those of a chunk together; however the bytes are cut. Never more than a chunk
 * is held: who does not read on stops the sender.
 * @throws ReplicaFailure `broken` for what is no UTF-8, and for an event without end
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[], void, undefined> {
  /** Only where a character is cut in two, or there may be a mark of the byte order: to make one takes longer than to read a short answer. */
  let decoder: TextDecoder | null = null;
  let hasBegun = false;
  let events: string[] = [];
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent: ({ data }) => events.push(data),
    onError: ({ type }) => {
      isTooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  const decode = (chunk?: Uint8Array) => {
    if (decoder === null) {
      if (chunk === undefined) return '';
      if ((hasBegun || chunk[0] !== BYTE_ORDER_MARK) && isUtf8(chunk)) {
        hasBegun = true;
        return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString();
      }
      decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: hasBegun });
    }
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (error) {
      throw broken('its events are no UTF-8', error);
    }
  };
  for await (const chunk of body) {
    parser.feed(decode(chunk));
    if (isTooLong) throw broken(`an event of it has more than ${MAX_EVENT_CHARACTERS} characters`);
    if (events.length > 0) yield events;
    events = [];
  }
  decode();
}
