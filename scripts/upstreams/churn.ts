import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../src/engine/process/random.js';
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
  /** More like the answer of another version than like their own, and none that it gives by itself in larger steps. */
  wrong: number;
  /** Other than alone at all. */
  differing: number;
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
/** How many times at once a version is asked by itself, to see what rounding makes of it in larger steps. */
const TOGETHER = [2, 3, 4, 6, 8];
/** Answers between two lines of progress. */
const PROGRESS = 50;

/** Asks for every version alone, then for all at once while names get other content. @throws Error where one fails for good */
export async function replaceUnderLoad(options: ChurnOptions): Promise<ChurnCounts> {
  const { names, say, tenant, url, versions } = options;
  const counts: ChurnCounts = { asked: 0, replaced: 0, wrong: 0, differing: 0, again: 0 };
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
  const suspects: (Answer & { readonly prompt: string })[] = [];
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
      if (isOfAnother(alone, adapter, prompt, text)) suspects.push({ adapter, prompt, text });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  say(
    `${((1000 * counts.asked) / (performance.now() - startedMs)).toFixed(1)} answers/s; ${suspects.length} are asked for again in steps of their own`,
  );
  const together = new Map<string, Set<string>>();
  for (const { adapter, prompt, text } of suspects) {
    const key = `${adapter} ${prompt}`;
    const given = together.get(key) ?? new Set();
    together.set(key, given);
    for (const count of TOGETHER) {
      if (given.has(text)) break;
      const answers = await Promise.all(Array.from({ length: count }, () => ask(adapter, prompt)));
      for (const answer of answers) given.add(answer.text);
    }
    if (given.has(text)) continue;
    counts.wrong += 1;
    say(`wrong: ${JSON.stringify({ adapter, prompt, text, alone: alone.get(key) })}`);
  }
  return counts;
}

/**
 * Requests that are computed together may round otherwise than alone, and go on otherwise where two tokens were nearly as likely.
 * Such an answer is suspect where it is more like another version's.
 */
function isOfAnother(alone: ReadonlyMap<string, string>, adapter: string, prompt: string, text: string): boolean {
  const own = shared(text, alone.get(`${adapter} ${prompt}`)!);
  return [...alone].some(([key, other]) => key.endsWith(` ${prompt}`) && shared(text, other) > own);
}

/** Characters that two texts begin with alike. */
function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
