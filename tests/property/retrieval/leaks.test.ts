import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { SearchFilter, SearchMode } from '../../../src/contracts/retrieval.js';
import type { Lease } from '../../../src/jobs/jobs.js';
import { claimReembed, embedNext, MODELS, vectorBy } from '../../fixtures/retrieval/documents.js';
import { NEVER } from '../../fixtures/retrieval/retrieval.js';
import { openService } from '../../fixtures/retrieval/service.js';

/** `LEAK_RUNS=80 npx tap run tests/property/retrieval/leaks.test.ts` asks 100,000 questions. */
const RUNS = Number(process.env.LEAK_RUNS ?? 4);
const QUERIES = 1250;
const TENANTS = 50;
const GROUPS = ['hr', 'it', 'board', 'sales'];
/** What somebody might try instead of a group's name. */
const TRICKS = ['', '*', '%', 'HR', 'hr ', 'hr,it', '["hr"]', "hr' or ''='"];
const SECRET = /secret\d+/g;

interface Document {
  readonly secret: string;
  readonly storeId: string;
  readonly texts: readonly string[];
  groups: readonly string[];
}

const groups = fc.oneof(
  { weight: 9, arbitrary: fc.subarray(GROUPS) },
  { weight: 1, arbitrary: fc.subarray([...GROUPS, ...TRICKS], { minLength: 1 }) },
);
const query = fc.record({
  tenant: fc.nat(TENANTS - 1),
  groups,
  /** Whose secret is asked for. */
  victim: fc.nat(),
  isOwn: fc.boolean(),
  wording: fc.constantFrom('secret', 'common', 'both'),
  stores: fc.constantFrom('default', 'first', 'second', 'both', "another tenant's"),
  mode: fc.constantFrom<SearchMode>('vector', 'lexical', 'hybrid'),
  filter: fc.constantFrom('none', 'none', 'eq', 'ne', 'in', 'or'),
  topK: fc.integer({ min: 1, max: 50 }),
  diversity: fc.constantFrom(0, 0.5),
  inContext: fc.boolean(),
});
const change = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom('move' as const, 'move' as const, 'detach' as const, 'delete' as const) },
    { weight: 2, arbitrary: fc.constantFrom('add' as const, 'embedder' as const) },
    { weight: 3, arbitrary: fc.constant('embed' as const) },
  ),
  tenant: fc.nat(TENANTS - 1),
  pick: fc.nat(),
  groups: fc.subarray(GROUPS),
});
const script = fc.array(fc.record({ change: fc.option(change, { freq: 6 }), query }), {
  minLength: QUERIES,
  maxLength: QUERIES,
});

/** 50 tenants with two stores each, of different embedders, and documents with a secret of their own that everybody, or some groups, may see. */
async function openWorld(t: Test) {
  const opened = await openService(t, { models: MODELS, vectorOf: (text, digest) => vectorBy(digest, text) });
  const { rows } = opened;
  const tenants = Array.from({ length: TENANTS }, (_, n) => ({
    name: `tenant${n}`,
    storeIds: [] as string[],
    documents: new Map<string, Document>(),
  }));
  let secrets = 0;
  const add = async (tenant: (typeof tenants)[number], storeId: string, allowed: readonly string[]) => {
    const secret = `secret${++secrets}`;
    const texts = Array.from({ length: 1 + (secrets % 2) }, (_, n) => `the salary of ${secret} part ${n}`);
    const { embedder } = await rows.stores.get(tenant.name, storeId);
    const vectors = texts.map((text) => vectorBy(embedder, text));
    const fileId = await rows.addFile(tenant.name, storeId, vectors, (n) => texts[n]!, allowed);
    await rows.storeFiles.update(tenant.name, storeId, fileId, { attributes: { secret } }, 1);
    tenant.documents.set(fileId, { secret, storeId, texts, groups: allowed });
  };
  for (const [n, tenant] of tenants.entries()) {
    for (const { id } of MODELS.offered) tenant.storeIds.push(await opened.createStore(tenant.name, id));
    for (let document = 0; document < 4; document++) {
      const allowed = document === 0 ? [] : GROUPS.filter((_, group) => ((n + document) >> group) % 2 === 1);
      await add(tenant, tenant.storeIds[document % 2]!, allowed);
    }
  }
  /** Stores that get other vectors, and the job that is under way. */
  const changing = { stores: new Set<string>(), lease: null as Lease | null, asked: 0, changed: 0 };
  return { ...opened, tenants, add, changing };
}

type World = Awaited<ReturnType<typeof openWorld>>;
type Query = typeof query extends fc.Arbitrary<infer Q> ? Q : never;
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;

function toFilter(kind: Query['filter'], secret: string): SearchFilter | null {
  const value = secret;
  if (kind === 'eq' || kind === 'ne') return { type: kind, key: 'secret', value };
  if (kind === 'in') return { type: 'in', key: 'secret', value: [value] };
  if (kind === 'none') return null;
  return {
    type: 'or',
    filters: [
      { type: 'eq', key: 'secret', value },
      { type: 'ne', key: 'secret', value },
    ],
  };
}

async function ask({ service, tenants, changing }: World, asked: Query): Promise<number> {
  const own = tenants[asked.tenant]!;
  const others = tenants[(asked.tenant + 1) % TENANTS]!;
  const victims = [...(asked.isOwn ? own : others).documents.values()];
  const victim = victims[asked.victim % Math.max(1, victims.length)]?.secret ?? 'secret0';
  const wording = { secret: victim, common: 'the salary', both: `the salary of ${victim} part 0` }[asked.wording];
  const storeIds = {
    default: [],
    first: own.storeIds.slice(0, 1),
    second: own.storeIds.slice(1),
    both: own.storeIds,
    "another tenant's": others.storeIds,
  }[asked.stores];
  const filter = toFilter(asked.filter, victim);
  const search = {
    tenant: own.name,
    storeIds,
    groups: asked.groups,
    query: wording,
    context: asked.inContext ? `and ${victim}` : '',
    mode: asked.mode,
    filter,
    topK: asked.topK,
    minScore: 0,
    diversity: asked.diversity,
  };
  const what = JSON.stringify(search);
  if (storeIds === others.storeIds) {
    const refused = await service.search(search, NEVER).then(JSON.stringify, (error) => error);
    if (refused.code !== 'not_found' || refused.message.match(SECRET)) throw new Error(`${refused} by ${what}`);
    return 0;
  }
  const searched = storeIds.length === 0 ? own.storeIds.slice(0, 1) : storeIds;
  if (searched.some((id) => changing.stores.has(id))) changing.asked++;
  const visible = [...own.documents.values()].filter(
    ({ storeId, groups: allowed }) =>
      searched.includes(storeId) && (allowed.length === 0 || allowed.some((name) => asked.groups.includes(name))),
  );
  const passing = visible.filter(({ secret }) => {
    if (asked.filter === 'eq' || asked.filter === 'in') return secret === victim;
    return asked.filter !== 'ne' || secret !== victim;
  });
  const found = await service.search(search, NEVER);
  const secrets = new Set(JSON.stringify(found).match(SECRET) ?? []);
  const allowed = new Set(passing.map(({ secret }) => secret));
  const leaked = [...secrets].filter((secret) => !allowed.has(secret));
  if (leaked.length > 0) throw new Error(`${leaked} found by ${what}`);
  if (asked.mode !== 'lexical') {
    const passages = passing.flatMap(({ texts }) => texts).length;
    const expected = Math.min(asked.topK, passages);
    if (found.passages.length !== expected)
      throw new Error(`${found.passages.length} of ${expected} passages found by ${what}`);
  }
  if (asked.wording !== 'common' && allowed.has(victim) && asked.mode !== 'vector' && !asked.inContext) {
    if (!secrets.has(victim)) throw new Error(`${victim} is not found by ${what}`);
  }
  return found.passages.length;
}

/** The store is to have vectors of the other model, or keeps those that it has where it is to have them already. */
async function changeEmbedder({ service, changing }: World, tenant: string, storeId: string): Promise<void> {
  const { embedder, reembedding } = await service.getStore(tenant, storeId);
  const [name] = MODELS.offered.map(({ id }) => id).filter((id) => id !== (reembedding ?? { embedder }).embedder);
  await service.updateStore(tenant, storeId, { embedder: name });
  changing.stores.add(storeId);
}

/** A file of the store whose turn it is gets its vectors, or all are there and answer. */
async function embedOne({ documents, changing }: World): Promise<void> {
  changing.lease ??= await claimReembed(documents, 1000);
  if (!changing.lease || (await embedNext(documents, changing.lease))) return;
  if (!(await documents.settle(changing.lease))) return;
  changing.stores.delete(changing.lease.subject);
  changing.lease = null;
  changing.changed++;
}

async function apply(world: World, { kind, tenant: at, pick, groups: allowed }: Change): Promise<void> {
  const tenant = world.tenants[at]!;
  const picked = [...tenant.documents][pick % Math.max(1, tenant.documents.size)];
  if (kind === 'add') return world.add(tenant, tenant.storeIds[pick % 2]!, allowed);
  if (kind === 'embedder') return changeEmbedder(world, tenant.name, tenant.storeIds[pick % 2]!);
  if (kind === 'embed') return embedOne(world);
  if (!picked) return;
  const [fileId, document] = picked;
  if (kind === 'move') {
    await world.service.updateStoreFile(tenant.name, document.storeId, fileId, { allowedGroups: allowed });
    document.groups = allowed;
    return;
  }
  if (kind === 'detach') await world.service.detachFile(tenant.name, document.storeId, fileId);
  else await world.service.deleteFile(tenant.name, fileId);
  tenant.documents.delete(fileId);
}

t.test(`no secret where it does not belong: ${TENANTS} tenants, ${RUNS * QUERIES} questions`, async (t) => {
  const all = { found: 0, asked: 0, changed: 0 };
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const world = await openWorld(t);
      for (const step of steps) {
        if (step.change) await apply(world, step.change);
        all.found += await ask(world, step.query);
      }
      all.asked += world.changing.asked;
      all.changed += world.changing.changed;
      await world.rows.db.destroy();
    }),
    // A script that fails says which question did: there is no need for a shorter one.
    { numRuns: RUNS, endOnFailure: true },
  );
  t.ok(all.found > (RUNS * QUERIES) / 2, `${all.found} passages were found`);
  t.ok(all.asked > RUNS, `${all.asked} questions were asked while a store got other vectors`);
  t.ok(all.changed > RUNS, `${all.changed} stores got other vectors`);
});
