/**
 * Adapters come, go and change under load, and every answer must be, token for token, what its adapter gives alone:
 * 16 adapters of ranks 8 to 64 in 8 bank slots, requests of mixed length, reloads under the same name with other weights,
 * aborts, prefixes that come again, passages that are read by themselves, drafting on. `CHURN_SEED` repeats a run.
 */
import type { AdapterRef } from '../src/contracts/adapter.js';
import type { GenerateRequest, TextGenerator } from '../src/contracts/generator.js';
import { createRandom } from '../src/engine/process/random.js';
import type { EngineSettings } from '../src/engine/protocol.js';
import { assemblePrompt, numberPassages } from '../src/pipeline/prompt.js';
import { everyTarget, writeAdapter } from '../tests/fixtures/engine/adapters.js';
import { idsOf, requestOf, startEngine } from '../tests/fixtures/engine/engine.js';
import { inScratchFolder, manifest, modelDir, SETTINGS } from './engine/driver.js';
import type { BenchOptions } from './main.js';

const ADAPTERS = 16;
const TENANTS = 3;
const CALLERS = 12;
const ABORTED_SHARE = 0.08;
const RELOADED_SHARE = 0.01;

/** Text that repeats itself, so that drafts are made, with a beginning that others share. */
const OPENING = 'You answer questions about opening hours. The branch opens at 9:00 and closes at 17:30 on weekdays. ';
const TOPICS = ['Monday', 'the lounge', 'the vault', 'parking'];
const LONGEST_ANSWER = 32;
/** Of the questions, those that come with passages. */
const PASSAGES_SHARE = 0.4;
const PASSAGES = TOPICS.map((topic, i) => ({
  headingPath: [topic],
  filename: '',
  text: `Of ${topic}: ${OPENING.slice(0, 40 + 60 * i)}`,
}));

/** Nothing here is timed: the machine is not measured either. */
const start = (settings: Partial<EngineSettings>) => startEngine({ ...SETTINGS, ...settings }, modelDir);

interface Question {
  readonly adapter: AdapterRef | null;
  readonly tenant: string;
  readonly prompt: GenerateRequest['prompt'];
  readonly maxTokens: number;
  readonly seed: number | null;
}

export default function benchChurn({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  return inScratchFolder(async (folder) => {
    const seed = Number(process.env.CHURN_SEED ?? Date.now() % 1_000_000);
    say(`seed ${seed}: CHURN_SEED=${seed} npm run bench -- churn repeats this run`);
    return churn(folder, seed, quick ? 150 : 2_000, say);
  });
}

export async function churn(
  folder: string,
  seed: number,
  requests: number,
  say: (line: string) => void,
): Promise<{ requests: number; differing_tokens: number }> {
  const random = createRandom(seed);
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!;
  let weights = 0;
  const create = () => {
    weights++;
    const rank = weights === 1 ? 64 : weights % 3 === 0 ? 24 : 8;
    return writeAdapter(folder, manifest, { seed: seed + weights, ranks: everyTarget(rank), strength: 1 });
  };
  const adapters: AdapterRef[] = Array.from({ length: ADAPTERS }, create);
  const opened = (): Question['prompt'] => ({
    kind: 'text',
    text: `${OPENING.repeat(1 + Math.floor(random() * 3))}What about ${pick(TOPICS)}?`,
  });
  const withPassages = (): Question['prompt'] => {
    const passages = numberPassages(Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(PASSAGES)));
    const messages = [{ role: 'user', content: `What about ${pick(TOPICS)}?` }] as const;
    return { kind: 'chat', messages: assemblePrompt({ instructions: 'You help.', messages, passages, apart: true }) };
  };
  const questions: Question[] = Array.from({ length: requests }, () => {
    const at = Math.floor(random() * ADAPTERS);
    if (random() < RELOADED_SHARE) adapters[at] = { ...create(), name: adapters[at]!.name, version: weights };
    return {
      adapter: random() < 0.1 ? null : adapters[at]!,
      tenant: `tenant-${Math.floor(random() * TENANTS)}`,
      prompt: random() < PASSAGES_SHARE ? withPassages() : opened(),
      maxTokens: 4 + Math.floor(random() * (LONGEST_ANSWER - 3)),
      seed: random() < 0.2 ? Math.floor(random() * 3) : null,
    };
  });
  const aborted = questions.map(() => random() < ABORTED_SHARE);
  let differing = 0;

  const expected = await answersAlone(questions, say);
  const engine = await start({
    adapterSlots: 8,
    prefixCacheTokens: 704,
    passageCacheBytes: 6 * 2 ** 20,
    adapterCacheBytes: 24 * 2 ** 20,
  });
  try {
    let next = 0;
    const caller = async () => {
      for (let i = next++; i < questions.length; i = next++) {
        const question = questions[i]!;
        if (aborted[i]) await leaveEarly(engine, question);
        const actual = await idsOf(engine, toAsk(question));
        const wanted = expected.get(keyOf(question))!.slice(0, question.maxTokens);
        const wrong = Math.max(actual.length, wanted.length) - agreement(actual, wanted);
        if (wrong > 0) say(`request ${i}: ${JSON.stringify(question)} gave ${actual}, alone ${wanted}`);
        differing += wrong;
        if (i > 0 && i % 250 === 0) say(`${i} requests, ${differing} differing tokens`);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  } finally {
    await engine.close();
  }
  return { requests, differing_tokens: differing };
}

/** What every different question gives with nothing beside it: no batch, no reuse, no drafts. */
async function answersAlone(
  questions: readonly Question[],
  say: (line: string) => void,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const [answers, longest] = [new Map<string, readonly number[]>(), new Map<string, number>()];
  for (const question of questions) {
    const key = keyOf(question);
    longest.set(key, Math.max(question.maxTokens, longest.get(key) ?? 0));
  }
  const engine = await start({
    slots: 1,
    adapterSlots: 1,
    prefixCacheTokens: 0,
    passageCacheBytes: 0,
    drafting: false,
  });
  try {
    for (const question of questions) {
      const key = keyOf(question);
      const maxTokens = longest.get(key)!;
      if (!answers.has(key)) answers.set(key, await idsOf(engine, toAsk({ ...question, maxTokens })));
    }
  } finally {
    await engine.close();
  }
  say(`${answers.size} different questions answered alone`);
  return answers;
}

function toAsk({ adapter, tenant, prompt, maxTokens, seed }: Question) {
  const sampling = seed === null ? {} : { temperature: 0.8, topP: 0.9, seed };
  return { prompt, adapter, tenant, maxTokens, sampling };
}

/** The tenant must make no difference, and a shorter answer is the beginning of a longer one. */
function keyOf({ adapter, prompt, seed }: Question): string {
  return JSON.stringify([adapter?.digest, prompt, seed]);
}

async function leaveEarly(engine: TextGenerator, question: Question): Promise<void> {
  const controller = new AbortController();
  for await (const event of engine.generate(requestOf(toAsk(question)), controller.signal)) {
    if (event.type === 'delta') controller.abort();
  }
}

/** Tokens that are the same at the same place. */
function agreement(actual: readonly number[], wanted: readonly number[]): number {
  return actual.filter((id, i) => id === wanted[i]).length;
}
