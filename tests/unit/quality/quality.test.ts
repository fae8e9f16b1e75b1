import t from 'tap';
import type { AnswerSignals } from '../../../src/contracts/quality.js';
import { createMetrics } from '../../../src/metrics/metrics.js';
import { createQuality, type QualityOptions } from '../../../src/quality/quality.js';
import { answerRecord } from '../../fixtures/answer-record.js';

const TEXTS = {
  question: 'What is the fee?',
  answer: 'The fee is £5 [1].',
  passages: [{ title: 'Fees', text: 'The fee is £5.' }],
  marks: [{ start: 14, end: 17, passage: 0 }],
  logprobs: null,
};

const open = (options: Partial<QualityOptions> = {}) => {
  const clock = { now: () => 1000, monotonicMs: () => 0 };
  const metrics = createMetrics({ maxLabelValues: 10 }, clock);
  const kept: AnswerSignals[] = [];
  const failures: [unknown, string][] = [];
  const quality = createQuality({
    embed: async (_tenant, texts) => texts.map(() => Float32Array.of(1, 0)),
    record: async (signals) => void kept.push(signals),
    watchDrift: async () => 3,
    metrics,
    clock,
    maxWaiting: 10,
    maxWaitingBytes: 10_000,
    onFailed: (error, id) => failures.push([error, id]),
    ...options,
  });
  return { quality, metrics, kept, failures };
};

t.test('the signals of an answer are kept and counted for the version that gave it', async (t) => {
  const { quality, metrics, kept } = open();
  quality.judge(answerRecord({}), TEXTS);
  quality.judge(answerRecord({ id: 'a2' }), { ...TEXTS, answer: 'I could not find this in the documents.' });
  t.same(kept, [], 'nothing was done on the way');
  await quality.settled();
  t.match(kept, [
    { answerId: 'a1', citationValidity: 1, cluster: 3 },
    { answerId: 'a2', groundedness: null, refused: true },
  ]);
  const text = await metrics.render();
  const labels = 'tenant="bank",deployment="assistant",adapter="support@1",arm="stable"';
  t.match(text, `switchyard_answer_groundedness_count{${labels}} 1`);
  t.match(text, `switchyard_answer_refusals_total{${labels}} 1`);
  t.match(text, 'switchyard_answers_judged_total{outcome="judged"} 2');
});

t.test('what waits is bounded by count and by bytes; the rest is left out and counted', async (t) => {
  const few = open({ maxWaiting: 1 });
  for (const id of ['a1', 'a2', 'a3']) few.quality.judge(answerRecord({ id }), TEXTS);
  await few.quality.settled();
  t.same(
    few.kept.map(({ answerId }) => answerId),
    ['a1'],
  );
  t.match(await few.metrics.render(), 'switchyard_answers_judged_total{outcome="dropped"} 2');

  const small = open({ maxWaitingBytes: 200 });
  small.quality.judge(answerRecord({ id: 'large' }), { ...TEXTS, answer: 'x'.repeat(200) });
  small.quality.judge(answerRecord({ id: 'small' }), TEXTS);
  await small.quality.settled();
  small.quality.judge(answerRecord({ id: 'later' }), TEXTS);
  await small.quality.settled();
  t.same(
    small.kept.map(({ answerId }) => answerId),
    ['small', 'later'],
    'bytes are given back',
  );
});

t.test('where an answer cannot be judged the next one is', async (t) => {
  let calls = 0;
  const { quality, kept, failures } = open({
    embed: async (_tenant, texts) => {
      calls += 1;
      if (calls === 1) throw new Error('the process is being restarted');
      return texts.map(() => Float32Array.of(1, 0));
    },
  });
  quality.judge(answerRecord({ id: 'a1' }), TEXTS);
  quality.judge(answerRecord({ id: 'a2' }), TEXTS);
  await quality.settled();
  t.match(failures, [[{ message: 'the process is being restarted' }, 'a1']]);
  t.match(kept, [{ answerId: 'a2' }]);
});

t.test('closing leaves out what waits, and ends what is under way', async (t) => {
  const { quality, kept, failures } = open({
    embed: (_tenant, _texts, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  });
  quality.judge(answerRecord({ id: 'a1' }), TEXTS);
  quality.judge(answerRecord({ id: 'a2' }), TEXTS);
  await new Promise(setImmediate);
  await quality.close();
  quality.judge(answerRecord({ id: 'a3' }), TEXTS);
  await quality.settled();
  t.same([kept, failures], [[], []]);
});

t.test('where more wait than can be judged, judging rests behind each', async (t) => {
  let nowMs = 0;
  const clock = { now: () => 1000, monotonicMs: () => (nowMs += 1e6) };
  const judgedOf = async (answers: number) => {
    const { quality, kept } = open({ clock, maxWaiting: 4 });
    for (let n = 0; n < answers; n++) quality.judge(answerRecord({ id: `a${n}` }), TEXTS);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    await quality.close();
    return kept.length;
  };
  t.equal(await judgedOf(3), 3, 'half of the room may be full');
  t.equal(await judgedOf(4), 1, 'the others would have come hours later');
});

t.test(
  'a copy that nobody saw is judged, and is in no metric of answers and in no picture of what is asked',
  async (t) => {
    const { quality, metrics, kept } = open({ watchDrift: async () => t.fail('it was watched') as never });
    quality.judge(answerRecord({ assignedBy: 'shadow', pair: 'a0' }), TEXTS);
    await quality.settled();
    t.match(kept, [{ answerId: 'a1', citationValidity: 1, cluster: null }]);
    t.notMatch(await metrics.render(), /answer_groundedness_count{/);

    const few = open({ maxWaiting: 2 });
    for (const id of ['a1', 'a2']) few.quality.judge(answerRecord({ id, assignedBy: 'shadow' }), TEXTS);
    few.quality.judge(answerRecord({ id: 'a3' }), TEXTS);
    await few.quality.settled();
    t.same(
      few.kept.map(({ answerId }) => answerId),
      ['a1', 'a3'],
      'copies leave half of the room',
    );
  },
);
