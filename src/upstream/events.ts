import { createParser } from 'eventsource-parser';
import { broken } from './failure.js';

/** Longest event, in characters; one with the probabilities of 20 tokens has some thousand. */
const MAX_EVENT_CHARACTERS = 1024 * 1024;

/**
 * The data of the server-sent events in a body, those of a chunk together; however the bytes are cut. Never more than a chunk
 * is held: who does not read on stops the sender.
 * @throws ReplicaFailure `broken` for what is no UTF-8, and for an event without end
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[], void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
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
