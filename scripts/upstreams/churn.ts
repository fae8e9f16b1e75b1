import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../src/engine/process/random.js';
import { type Differing, nearestOther, shared } from './differing.js';
import { within } from './within.js';

interface ChurnOptions {
  /** Of the gateway. */
  readonly url: string;
  readonly tenant: string;
  readonly key: string;
  /** Adapters; each has so many versions. */
  readonly names: readonly string[];
  readonly versions: number;
  readonly say: (line: string) => void;
}

interface ChurnCounts {
  asked: number;
  replaced: number;
  /** None that its version gives by itself, alone or in groups, and more like the answer of another one. */
  wrong: number;
  /** Other than alone at all. */
  differing: number;
  /** Of those, the ones that their version gives when it alone is asked by several at once, while nothing is replaced. */
  inGroups: number;
  /** Asked again, as `retry-after` said. */
  again: number;
}

interface Answer {
  readonly adapter: string;
  readonly text: string;
}

const CALLERS = 8;
const REQUESTS = Number(process.env.CHURN_REQUESTS ?? 200);
const ANSWER_TOKENS = 12;
/** Of the answers, those during which a name is given other content. */
const REPLACED_SHARE = 0.1;
const PROMPTS = ['The branch opens at', 'To bake bread you need'];
/** Of the answers alone, those that must be like no other: what is the same for all versions shows nothing. */
const TELLING_SHARE = 0.75;
const POLL_MS = 100;
const ANSWER_TIMEOUT_MS = 900_000;
const READY_TIMEOUT_MS = 300_000;
/** How many ask for one version at once, one a moment after the other, to see what rounding makes of it in larger steps. */
const TOGETHER = [8, 6, 4, 3, 2, 8, 6, 4, 8, 8];
/** Between two of them, at most: a step is computed with whoever is there by then. */
const APART_MS = 200;
/** Answers between two lines of progress. */
const PROGRESS = 50;

/** Asks for every version alone, then for all at once while names get other content. @throws Error where one fails for good */
export async function replaceUnderLoad(options: ChurnOptions): Promise<ChurnCounts> {
  const { names, say, tenant, url, versions } = options;
  const counts: ChurnCounts = { asked: 0, replaced: 0, wrong: 0, differing: 0, inGroups: 0, again: 0 };
  const send = (method: string, path: string, body: object) =>
    within(ANSWER_TIMEOUT_MS, `${method} ${path} ${JSON.stringify(body)}`, async (signal) => {
      for (;;) {
        const headers = { authorization: `Bearer ${options.key}`, 'content-type': 'application/json' };
        const response = await fetch(url + path, { method, headers, body: JSON.stringify(body), signal });
        if (response.ok) return response;
        const retryAfterS = Number(response.headers.get('retry-after'));
        const reason = await response.text();
        if (retryAfterS === 0) throw new Error(`${path}: ${response.status} ${reason}`);
        counts.again += 1;
        say(`${response.status} ${reason}`);
        await sleep(1000 * retryAfterS, undefined, { signal });
      }
    });
  const deploy = (name: string, stableVersion: number) => {
    const retrieval = { enabled: false, topK: 1, minScore: 0, budgetTokens: 1 };
    const body = { adapter: name, stableVersion, instructions: '', retrieval };
    return send('PUT', `/admin/tenants/${tenant}/deployments/${name}`, body);
  };
  const ask = async (model: string, prompt: string): Promise<Answer> => {
    const body = { model, prompt, max_tokens: ANSWER_TOKENS, temperature: 0 };
    const response = await send('POST', '/v1/completions', body);
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    return { adapter: response.headers.get('x-adapter')!, text: choices[0]!.text };
  };

  await within(READY_TIMEOUT_MS, `${url}/readyz`, async (signal) => {
    while (!(await fetch(`${url}/readyz`, { signal })).ok) await sleep(POLL_MS, undefined, { signal });
  });
  const alone = new Map<string, string>();
  for (const name of names) {
    await deploy(name, 1);
    for (let version = 1; version <= versions; version++) {
      for (const prompt of PROMPTS) {
        const { adapter, text } = await ask(`${name}@${version}`, prompt);
        alone.set(`${adapter} ${prompt}`, text);
      }
    }
  }
  const different = new Set(alone.values()).size;
  say(`alone: ${alone.size} answers, ${different} of them different`);
  if (different < alone.size * TELLING_SHARE) throw new Error('too many versions answer alike to be told apart');

  const random = createRandom(Number(process.env.CHURN_SEED ?? 1));
  const differing: Differing[] = [];
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!;
  const startedMs = performance.now();
  const call = async () => {
    while (counts.asked < REQUESTS) {
      counts.asked += 1;
      if (counts.asked % PROGRESS === 0) say(`${counts.asked} asked, ${counts.differing} differ`);
      const [name, prompt] = [pick(names), pick(PROMPTS)];
      if (random() < REPLACED_SHARE) {
        counts.replaced += 1;
        await deploy(name, 1 + Math.floor(random() * versions));
      }
      const { adapter, text } = await ask(name, prompt);
      if (text === alone.get(`${adapter} ${prompt}`)) continue;
      counts.differing += 1;
      differing.push({ adapter, prompt, text, expected: alone.get(`${adapter} ${prompt}`)! });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  say(
    `${((1000 * counts.asked) / (performance.now() - startedMs)).toFixed(1)} answers/s; ${differing.length} that differ are asked for again, each version in groups of its own`,
  );
  /** What a version gives in groups, by its prompt; other prompts are asked beside it, as they were. */
  const together = new Map<string, Set<string>>();
  const given = (adapter: string, prompt: string) => {
    const key = `${adapter} ${prompt}`;
    const texts = together.get(key) ?? new Set();
    together.set(key, texts);
    return texts;
  };
  for (const one of differing) {
    const { adapter, prompt, text, expected } = one;
    for (const count of TOGETHER) {
      if (given(adapter, prompt).has(text)) break;
      const askOne = async (_: unknown, i: number) => {
        const asked = i === 0 ? prompt : pick(PROMPTS);
        if (i > 0) await sleep(random() * APART_MS);
        given(adapter, asked).add((await ask(adapter, asked)).text);
      };
      await Promise.all(Array.from({ length: count }, askOne));
    }
    const isGiven = given(adapter, prompt).has(text);
    const nearest = nearestOther(alone, one);
    const isWrong = !isGiven && nearest.shared > shared(text, expected);
    if (isGiven) counts.inGroups += 1;
    if (isWrong) counts.wrong += 1;
    say(`${isWrong ? 'wrong' : isGiven ? 'in groups too' : 'not in groups'}: ${JSON.stringify({ ...one, nearest })}`);
  }
  return counts;
}
