/** Groundedness: the blind half of the labelled sentences, and what the signals of an answer take of one processor. */
import type { AnswerRecord } from '../src/contracts/registry.js';
import { groundedness, SUPPORTED } from '../src/quality/groundedness.js';
import { type Embed, signalsOf } from '../src/quality/signals.js';
import type { Bench } from './main.js';
import { answersOf, areaUnderCurve, type Half, hasHalf, judge, openEmbedder } from './quality/labelled.js';

const run: Bench = async ({ say }) => {
  const embed = await openEmbedder();
  const first = await judgeHalf('blind', embed, say);
  // Somebody else's sentences, where there are any.
  const second = hasHalf('blind-2') ? await judgeHalf('blind-2', embed, say) : null;

  const record = { id: 'a', finishReason: 'stop', passages: [{ id: 'p', score: 0.9 }] } as unknown as AnswerRecord;
  const answers = answersOf('blind');
  const judgeAll = async () => {
    for (const texts of answers) await signalsOf(record, texts, { embed, nowMs: () => 0 });
  };
  await judgeAll();
  const before = process.cpuUsage();
  await judgeAll();
  const { user, system } = process.cpuUsage(before);
  return {
    ...first,
    ...(second && Object.fromEntries(Object.entries(second).map(([name, value]) => [`${name}_2`, value]))),
    ms_per_answer: (user + system) / 1000 / answers.length,
  };
};
export default run;

async function judgeHalf(half: Half, embed: Embed, say: (line: string) => void) {
  const scored = (await judge(half, embed)).map((one) => ({ ...one, score: groundedness(one.support, one.cosine) }));
  const share = (kind: string) => {
    const some = scored.filter((one) => one.kind === kind);
    const right = some.filter(({ supported, score }) => supported === score >= SUPPORTED);
    say(`${half}, ${kind}: ${right.length} of ${some.length} on the right side of ${SUPPORTED}`);
    return right.length / some.length;
  };
  const shares = new Map([...new Set(scored.map(({ kind }) => kind))].map((kind) => [kind, share(kind)]));
  return {
    auc: areaUnderCurve(scored),
    number_recall: shares.get('number')!,
    negation_recall: shares.get('negation')!,
  };
}
