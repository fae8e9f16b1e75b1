import { Aborter } from '../abort/aborter.js';
import type { Clock } from '../contracts/clock.js';
import type { GeneratedToken, TokenEvent } from '../contracts/generator.js';
import type { Dialect, Piece, Question } from './dialects/dialect.js';
import { readEvents } from './events.js';
import { broken, ReplicaFailure } from './failure.js';
import type { Replica } from './replica.js';

/** What is known of an answer so far, however it ends. */
export interface AnswerSoFar {
  completionTokens: number;
  cachedTokens: number;
  /** By the monotonic clock; null before the first event. */
  firstTokenAtMs: number | null;
}

export interface Attempt {
  readonly replica: Replica;
  readonly dialect: Dialect;
  readonly question: Question;
  readonly firstTokenTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * Asks one replica and reads what it says, as fast as the reader takes it: a reader that is slow stops the replica, one that
 * leaves closes the connection.
 * @param soFar is kept up to date
 * @returns why the answer ended
 * @throws ReplicaFailure; the signal's reason after an abort
 */
export async function* readAnswer(
  { replica, dialect, question, firstTokenTimeoutMs, clock }: Attempt,
  soFar: AnswerSoFar,
  signal: AbortSignal,
): AsyncGenerator<TokenEvent, 'stop' | 'length', undefined> {
  const { capabilities, server } = replica;
  if (capabilities === null) throw broken('it is down');
  const limit = new Aborter();
  const limited = limit.signal;
  const follow = () => limit.abort(signal.reason);
  if (signal.aborted) follow();
  signal.addEventListener('abort', follow, { once: true });
  const timer = setTimeout(
    () => limit.abort(broken(`no token came within ${firstTokenTimeoutMs} ms`)),
    firstTokenTimeoutMs,
  );
  let end: Piece['end'] = null;
  try {
    const body = await server.stream(dialect.path, dialect.body(question, capabilities), limited);
    const confirmed = dialect.confirm?.(server, capabilities, limited);
    // Awaited below, where it counts.
    confirmed?.catch(() => {});
    for await (const events of readEvents(body)) {
      const pieces = events.map(dialect.read).filter((piece) => piece !== null);
      if (pieces.length === 0) continue;
      if (soFar.firstTokenAtMs === null) {
        await confirmed;
        clearTimeout(timer);
        soFar.firstTokenAtMs = clock.monotonicMs();
        soFar.cachedTokens = pieces[0]!.cachedTokens ?? 0;
        const { cachedTokens } = soFar;
        yield { type: 'started', promptTokens: question.promptIds.length, cachedTokens };
      }
      end = pieces.find((piece) => piece.end !== null)?.end ?? end;
      yield toDelta(pieces, question.topLogprobs, soFar);
    }
  } catch (error) {
    // All has been said: how the connection ends does not matter.
    if (end === null || !(error instanceof ReplicaFailure)) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  }
  if (end === null) throw broken('its answer broke off');
  return end;
}

function toDelta(pieces: readonly Piece[], topLogprobs: number | null, soFar: AnswerSoFar): TokenEvent {
  const before = soFar.completionTokens;
  let text = '';
  const logprobs: GeneratedToken[] = [];
  for (const piece of pieces) {
    text += piece.text;
    for (const token of piece.logprobs) logprobs.push({ ...token, top: token.top.slice(0, topLogprobs ?? 0) });
    // Who does not count them sends each in an event of its own.
    const counted = piece.completionTokens ?? soFar.completionTokens + (piece.text === '' ? 0 : 1);
    soFar.completionTokens = Math.max(soFar.completionTokens, counted);
    soFar.cachedTokens = piece.cachedTokens ?? soFar.cachedTokens;
  }
  return { type: 'delta', text, tokenCount: soFar.completionTokens - before, logprobs };
}
