import type { Tally } from './record.js';
import type { AnswerEvent, ChoiceEnd } from './types.js';

/** Generates one choice. @param onPromptRead told when the prompt is computed */
type Run = (
  tally: Tally,
  choice: number,
  onPromptRead: () => void,
  signal: AbortSignal,
) => AsyncGenerator<AnswerEvent, ChoiceEnd, undefined>;

/**
 * Several choices, each a row of its own. The others begin when the first has computed the prompt, and find it in the prefix cache. Where
 * one fails, all end. @returns how the first one ended
 */
export async function* runChoices(
  tallies: readonly Tally[],
  run: Run,
  callerSignal: AbortSignal,
): AsyncGenerator<AnswerEvent, ChoiceEnd, undefined> {
  const stop = new AbortController();
  const signal = AbortSignal.any([callerSignal, stop.signal]);
  let isRead = false;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const onPromptRead = () => {
    isRead = true;
    begin();
  };
  const ends: ChoiceEnd[] = [];

  async function* one(tally: Tally, choice: number): AsyncGenerator<AnswerEvent, void, undefined> {
    if (choice > 0) await begun;
    if (stop.signal.aborted) return;
    const events = run(tally, choice, onPromptRead, signal);
    try {
      for (let step = await events.next(); ; step = await events.next()) {
        if (step.done) {
          ends[choice] = step.value;
          return yield { type: 'choice_finished', choice, ...step.value };
        }
        const event = step.value;
        if (choice === 0) yield event;
        else if (event.type !== 'started') yield { ...event, choice } as AnswerEvent;
      }
    } finally {
      // Without a prompt there is nothing for the others to begin with.
      if (choice === 0 && !isRead && ends[0] === undefined) stop.abort();
      if (choice === 0) begin();
      await events.return({ reason: 'stop', stopText: null, grounding: null });
    }
  }

  yield* merged(tallies.map(one), () => stop.abort());
  return ends[0]!;
}

/** What several sources give, as it comes. @param stop ends them, once all are at their end, one fails, or the reader leaves */
async function* merged<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
  stop: () => void,
): AsyncGenerator<T, void, undefined> {
  const next = (source: (typeof sources)[number]) => {
    const step = source.next().then((result) => ({ source, result }));
    // It may fail while nobody waits for it; who does later is told.
    step.catch(() => {});
    return step;
  };
  const waiting = new Map(sources.map((source) => [source, next(source)]));
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(source);
        continue;
      }
      waiting.set(source, next(source));
      yield result.value;
    }
  } finally {
    stop();
    await Promise.allSettled(sources.map((source) => source.return()));
  }
}
