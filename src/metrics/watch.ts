import { statfs } from 'node:fs/promises';
import type { Engines, ReplicaState, TextGenerator } from '../contracts/generator.js';
import type { Deployment, Registry } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';
import type { Verdict } from '../contracts/rollouts.js';
import type { Tokenizer } from '../contracts/tokenizer.js';
import type { Metrics } from './metrics.js';

const REPLICA_STATES: readonly ReplicaState[] = ['up', 'down', 'ejected', 'draining'];
const VERDICTS = { pass: 1, inconclusive: 0, fail: -1 } as const;

const seconds = (durationMs: number): number => durationMs / 1000;

/** Feeds the metrics from the raw observations of the child processes and, at each scrape, from their status. */
export function watchServices(
  metrics: Metrics,
  services: {
    readonly engines: Engines;
    readonly tokenizer: Tokenizer;
    readonly retrieval: Retrieval;
    readonly registry: Registry;
  },
): void {
  const { engines } = services;
  for (const name of engines.names) watchEngine(metrics, name, engines.of(name));
  watchTokenizer(metrics, services.tokenizer);
  watchRetrieval(metrics, services.retrieval);
  watchJobs(metrics, services);
  metrics.beforeScrape(() => {
    metrics.set('registry_behind_seconds', {}, seconds(services.registry.sharing()?.behindMs ?? 0));
    return readDeployments(metrics, services.registry);
  });
}

/** How much room the disk with a folder has, at each scrape; not a number where the folder is gone. */
export function watchDisk(metrics: Metrics, folder: string): void {
  metrics.beforeScrape(async () => {
    const { bavail, blocks, bsize } = await statfs(folder).catch(() => ({ bavail: NaN, blocks: NaN, bsize: NaN }));
    metrics.set('disk_free_bytes', {}, bavail * bsize);
    metrics.set('disk_size_bytes', {}, blocks * bsize);
  });
}

function watchEngine(metrics: Metrics, name: string, generator: TextGenerator): void {
  const engine = { engine: name };
  generator.observe((event) => {
    if (event.type === 'step') {
      metrics.observe('engine_step_duration_seconds', { kind: event.kind }, seconds(event.durationMs));
      metrics.observe('engine_step_rows', { kind: event.kind }, event.rows);
      metrics.add('engine_drafted_tokens_total', { outcome: 'accepted' }, event.accepted);
      metrics.add('engine_drafted_tokens_total', { outcome: 'rejected' }, event.drafted - event.accepted);
    } else if (event.type === 'prefix') {
      metrics.add('engine_prefix_tokens_total', { engine: name, outcome: 'hit' }, event.hitTokens);
      metrics.add(
        'engine_prefix_tokens_total',
        { engine: name, outcome: 'miss' },
        event.lookupTokens - event.hitTokens,
      );
    } else if (event.type === 'passage') {
      const { tenant, deployment, tokens } = event;
      const outcome = event.wasKnown ? 'hit' : 'miss';
      metrics.add('engine_passage_tokens_total', { tenant, deployment, outcome }, tokens);
      if (event.turnedBy !== 0) metrics.add('engine_passage_turns_total', { tenant, deployment });
    } else if (event.type === 'try') {
      metrics.add('upstream_tries_total', { engine: name, outcome: event.outcome });
    } else if (event.type === 'adapter_load') {
      metrics.observe('adapter_swap_seconds', engine, seconds(event.durationMs));
    } else {
      metrics.add('child_restarts_total', { process: 'engine' });
    }
  });
  metrics.beforeScrape(() => {
    const status = generator.status();
    metrics.set('engine_up', engine, status.ready ? 1 : 0);
    metrics.set('adapters_resident', engine, status.adaptersResident.length);
    metrics.set('kv_slots', engine, status.slotsTotal);
    metrics.set('kv_slots_in_use', engine, status.slotsInUse);
    metrics.set('engine_queue_length', engine, status.queued);
    if (status.replicas === undefined) {
      metrics.clear('engine_passage_bytes');
      for (const [tenant, bytes] of Object.entries(status.passageBytes ?? {})) {
        metrics.set('engine_passage_bytes', { tenant }, bytes);
      }
      return setChild(metrics, 'engine', status);
    }
    for (const state of REPLICA_STATES) {
      const replicas = status.replicas.filter((replica) => replica.state === state).length;
      metrics.set('upstream_replicas', { ...engine, state }, replicas);
    }
  });
}

function watchTokenizer(metrics: Metrics, tokenizer: Tokenizer): void {
  tokenizer.observe(() => metrics.add('child_restarts_total', { process: 'tokenizer' }));
  metrics.beforeScrape(() => {
    const status = tokenizer.status();
    metrics.set('tokenizer_queue_length', {}, status.queued);
    setChild(metrics, 'tokenizer', status);
  });
}

function watchRetrieval(metrics: Metrics, retrieval: Retrieval): void {
  retrieval.observe((event) => {
    if (event.type === 'ingest') {
      metrics.add('ingest_files_total', { outcome: event.outcome });
      metrics.add('ingest_passages_total', {}, event.passages);
      metrics.observe('ingest_duration_seconds', {}, seconds(event.durationMs));
    } else if (event.type === 'reembed') {
      metrics.add('reembedded_passages_total', {}, event.passages);
    } else if (event.type === 'index_rebuild') {
      metrics.observe('index_rebuild_seconds', {}, seconds(event.durationMs));
    } else {
      metrics.add('child_restarts_total', { process: 'retrieval' });
    }
  });
  metrics.beforeScrape(() => {
    const status = retrieval.status();
    metrics.set('passages', {}, status.passages);
    metrics.set('ingest_queue_length', {}, status.ingestQueue);
    for (const { id, bytes } of status.embedders) metrics.set('embedder_memory_bytes', { embedder: id }, bytes);
    setChild(metrics, 'retrieval', status);
  });
}

function watchJobs(metrics: Metrics, { retrieval, registry }: { retrieval: Retrieval; registry: Registry }): void {
  metrics.beforeScrape(async () => {
    // Where the registry cannot be read, the other metrics say so.
    const ofRegistry = await registry.jobs.counts().catch(() => []);
    metrics.clear('jobs');
    for (const { kind, status, jobs } of [...retrieval.status().jobs, ...ofRegistry]) {
      metrics.set('jobs', { kind, status }, jobs);
    }
  });
}

function setChild(metrics: Metrics, process: string, status: { ready: boolean; rssBytes: number }): void {
  metrics.set('child_up', { process }, status.ready ? 1 : 0);
  metrics.set('child_resident_memory_bytes', { process }, status.rssBytes);
}

/** Meters a look of the judge at a rollout. */
export function meterLook(
  metrics: Metrics,
  look: {
    readonly deployment: Deployment;
    readonly verdict: Pick<Verdict, 'outcome'>;
    readonly decision: { readonly action: string };
  },
): void {
  const { tenant, name: deployment, adapter, canaryVersion } = look.deployment;
  const labels = { tenant, deployment, adapter: `${adapter}@${canaryVersion}` };
  metrics.set('canary_verdict', labels, VERDICTS[look.verdict.outcome]);
  metrics.add('rollout_decisions_total', { tenant, deployment, action: look.decision.action });
}

async function readDeployments(metrics: Metrics, registry: Registry): Promise<void> {
  // All are read before the gauges are emptied, so that two scrapes at once never see half of it.
  const tenants = await registry.listTenants();
  const deployments = (await Promise.all(tenants.map((tenant) => registry.listDeployments(tenant.id)))).flat();
  metrics.clear('canary_weight');
  metrics.clear('deployment_engine');
  for (const { tenant, name, adapter, canaryVersion, canaryWeight, engine } of deployments) {
    if (engine) metrics.set('deployment_engine', { tenant, deployment: name, engine }, 1);
    if (canaryVersion === null) continue;
    metrics.set('canary_weight', { tenant, deployment: name, adapter: `${adapter}@${canaryVersion}` }, canaryWeight);
  }
}
