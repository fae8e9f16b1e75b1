import fc from 'fast-check';
import t from 'tap';
import { BASE, bearer, createFakeEngine, createTestServer } from '../http/fakes.js';

const NAMES = ['embedded', 'gpu', 'cpu-farm'] as const;
const change = fc.record({
  deployment: fc.constantFrom('plain', 'assistant'),
  engine: fc.constantFrom(null, ...NAMES),
});
const question = fc.record({
  model: fc.constantFrom('plain', 'assistant', 'assistant@2', BASE),
  stream: fc.boolean(),
  choices: fc.integer({ min: 1, max: 2 }),
});

t.test('however deployments change engines, the receipt of an answer names the one that gave it', async (t) => {
  const [gpu, farm] = [createFakeEngine(), createFakeEngine()];
  const { app, engine, registry } = await createTestServer({ engines: { gpu, 'cpu-farm': farm } });
  t.teardown(() => app.close());
  const engines = { embedded: engine, gpu, 'cpu-farm': farm };

  async function ask({ model, stream, choices }: { model: string; stream: boolean; choices: number }): Promise<void> {
    for (const one of Object.values(engines)) one.requests.length = 0;
    const payload = { model, stream, n: choices, messages: [{ role: 'user', content: 'Hi' }] };
    const { statusCode } = await app.inject({
      ...{ method: 'POST', url: '/v1/chat/completions', headers: bearer(), payload },
    });
    t.equal(statusCode, 200);
    const { id, deployment } = registry.answers.at(-1)!;
    const { engine: named } = (await app.inject({ url: `/v1/receipts/${id}`, headers: bearer() })).json();
    const asked = NAMES.filter((name) => engines[name].requests.length > 0);
    t.same(asked, [named], `${model} was answered by ${asked}`);
    const wanted = registry.deployments.find(({ name }) => name === deployment)?.engine ?? 'embedded';
    t.equal(named, wanted);
  }

  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(change, question), { minLength: 1, maxLength: 12 }), async (steps) => {
      for (const step of steps) {
        if ('model' in step) await ask(step);
        else {
          const index = registry.deployments.findIndex(({ name }) => name === step.deployment);
          registry.deployments[index] = { ...registry.deployments[index]!, engine: step.engine };
        }
      }
    }),
    { numRuns: 30 },
  );
});
