import t from 'tap';
import { MeasuredStepCost, type StepProfile } from '../../../src/engine/process/step-cost.js';

const PROFILE: StepProfile = {
  answers: [
    [1, 30],
    [8, 37],
    [16, 77],
  ],
  prompts: [
    [1, 30],
    [16, 60],
    [64, 156],
  ],
  attendedMs: 0.001,
};

t.test('between two measurements, and beyond the last, time grows in a straight line', async (t) => {
  const cost = new MeasuredStepCost(PROFILE);
  t.same(
    [1, 2, 8, 12, 16, 18].map((tokens) => cost.answersMs(tokens)),
    [30, 31, 37, 57, 77, 87],
  );
  t.equal(cost.promptsMs(0, 16, 0), 60);
  t.equal(cost.promptsMs(0, 88, 0), 204);
});

t.test('tokens of prompts take what they add to the answers, and more the further they look back', async (t) => {
  const cost = new MeasuredStepCost(PROFILE);
  t.equal(cost.promptsMs(16, 48, 0), 96);
  t.equal(cost.promptsMs(16, 48, 10_000), 106);
  t.equal(cost.promptsMs(16, 0, 0), 0);
});

t.test('a machine that got slower or faster is found out in some steps, by steps of any size', async (t) => {
  for (const truth of [0.5, 1.7]) {
    const cost = new MeasuredStepCost(PROFILE);
    for (let i = 0; i < 200; i++) {
      cost.observe({ answerTokens: 8, promptTokens: 0, attended: 0 }, truth * 37);
      cost.observe({ answerTokens: 8, promptTokens: 8, attended: 0 }, truth * (37 + 16));
    }
    t.ok(Math.abs(cost.answersMs(16) - truth * 77) < 1, `${cost.answersMs(16)}`);
    t.ok(Math.abs(cost.promptsMs(16, 48, 0) - truth * 96) < 2, `${cost.promptsMs(16, 48, 0)}`);
  }
});

t.test('a machine that got slower while every step has prompts makes both dearer', async (t) => {
  const cost = new MeasuredStepCost(PROFILE);
  for (let i = 0; i < 300; i++) {
    cost.observe({ answerTokens: 8, promptTokens: 4, attended: 0 }, 1.5 * (37 + 8));
  }
  t.ok(Math.abs(cost.answersMs(8) - 1.5 * 37) < 3, `${cost.answersMs(8)}`);
  t.ok(Math.abs(cost.promptsMs(8, 4, 0) - 1.5 * 8) < 1, `${cost.promptsMs(8, 4, 0)}`);
});

t.test('one step that was held up says little', async (t) => {
  const cost = new MeasuredStepCost(PROFILE);
  cost.observe({ answerTokens: 1, promptTokens: 0, attended: 0 }, 30_000);
  t.ok(cost.answersMs(1) < 33);
});
