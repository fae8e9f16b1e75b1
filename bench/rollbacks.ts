/**
 * A deployment goes back and forth between two versions under load. Every answer must be, character for character, what the version that
 * it names gives alone, and every request that is sent after a change was acknowledged must be answered by what it changed to.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from './main.js';
import { type Answer, allowed, type Change, withTwoVersions } from './rollbacks/gateway.js';

const CALLERS = 4;
/** That were asked after a change, before the next one. */
const ANSWERS_BETWEEN = 4;

export default function benchRollbacks({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const rollbacks = quick ? 20 : 200;
  return withTwoVersions(async ({ ask, change, questions, alone }) => {
    const answers: Answer[] = [];
    const changes: Change[] = [];
    let failed = 0;
    let over = false;
    let next = 0;
    const caller = async () => {
      while (!over) {
        const question = questions[next++ % questions.length]!;
        const answer = await ask('assistant', question, next % 2 === 0).catch((error) => say(String(error)));
        if (answer) answers.push(answer);
        else failed += 1;
      }
    };
    /** Until the version that is served now has answered some. */
    async function answered(): Promise<void> {
      const { doneMs } = changes.at(-1)!;
      while (answers.filter(({ sentMs }) => sentMs > doneMs).length < ANSWERS_BETWEEN) await sleep(5);
    }
    const load = Array.from({ length: CALLERS }, caller);
    for (let i = 1; i <= rollbacks; i++) {
      await change('canary', { version: 2, weight: 0 });
      for (const what of ['promote', 'rollback'] as const) {
        changes.push(await change(what));
        await answered();
      }
      await change('approve');
      if (i % 50 === 0) say(`${i} rollbacks, ${answers.length} answers, ${failed} failed requests`);
    }
    over = true;
    await Promise.all(load);

    const wrong = answers.filter((answer) => {
      return (
        !allowed(answer, changes).includes(answer.version) || answer.text !== alone(answer.question, answer.version)
      );
    });
    for (const answer of wrong.slice(0, 3)) say(`wrong: ${JSON.stringify(answer)}`);
    const byVersion = [1, 2].map((version) => answers.filter((answer) => answer.version === version).length);
    say(`answers by version: ${byVersion.join(' and ')}`);
    return {
      rollbacks,
      requests: answers.length + failed,
      failed_requests: failed,
      wrong_version_answers: wrong.length,
      max_effect_ms: Math.max(...changes.map(({ sentMs, doneMs }) => doneMs - sentMs)),
    };
  });
}
