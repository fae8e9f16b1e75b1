/**
 * Where requests go in a pool, simulated: 64 replicas, 2,000 adapters asked for by Zipf's law. Each request holds a slot for as
 * long as its tokens take; a replica has room for some adapters and lets go of the least recently used. Compared with
 * choosing at random, in turns, and whoever has the least to do. No server, no clock: the same figures on every machine.
 * `ROUTING_REPLICAS`, `ROUTING_ADAPTERS` and `ROUTING_ADAPTERS_EACH` are other sizes.
 */
import { createRandom } from '../src/engine/process/random.js';
import { leastBusy, planRoute, type ReplicaView } from '../src/upstream/plan.js';
import type { BenchOptions } from './main.js';

const REPLICAS = Number(process.env.ROUTING_REPLICAS ?? 64);
const ADAPTERS = Number(process.env.ROUTING_ADAPTERS ?? 2000);
const SLOTS = 32;
/** Fewer than there would have to be for every adapter to lie somewhere: 1,536 on 64. */
const ADAPTERS_EACH = Number(process.env.ROUTING_ADAPTERS_EACH ?? 24);
/** Conversations of each adapter. */
const CONVERSATIONS = 50;
/** Of the slots, taken on the whole. */
const UTILIZATION = 0.6;
/** Milliseconds a token takes, and loading an adapter: as of vLLM on one GPU. */
const TOKEN_MS = 0.02;
const ANSWER_TOKEN_MS = 15;
const LOAD_MS = 300;

interface Simulated extends ReplicaView {
  inFlight: number;
  outstandingTokens: number;
  readonly adapterTokens: Map<string, number>;
  /** The least recently used first. */
  readonly adapters: Set<string>;
  has(adapter: string): boolean;
  readonly conversations: Set<string>;
}

interface Arrival {
  readonly atMs: number;
  readonly adapter: string;
  readonly conversation: string;
  readonly promptTokens: number;
  readonly answerTokens: number;
}

type Choose = (replicas: readonly Simulated[], arrival: Arrival) => Simulated;

export default async function benchRouting({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const arrivals = arrive(quick ? 20_000 : 200_000);
  const random = createRandom(2);
  let turn = 0;
  const free = (replicas: readonly Simulated[]) => replicas.filter(({ inFlight, slots }) => inFlight < slots);
  const strategies: Record<string, Choose> = {
    '': (replicas, { adapter, conversation, promptTokens, answerTokens }) => {
      const adapterTokens = replicas.reduce((sum, one) => sum + (one.adapterTokens.get(adapter) ?? 0), 0);
      return planRoute(replicas, { adapter, adapterTokens, conversation, tokens: promptTokens + answerTokens })!;
    },
    _random: (replicas) => {
      const open = free(replicas);
      return open[Math.floor(random() * open.length)]!;
    },
    _round_robin: (replicas) => {
      do turn = (turn + 1) % REPLICAS;
      while (replicas[turn]!.inFlight === SLOTS);
      return replicas[turn]!;
    },
    _least_loaded: (replicas) => leastBusy(free(replicas))!,
  };
  const figures: Record<string, number> = {};
  for (const [suffix, choose] of Object.entries(strategies)) {
    const { loads, imbalance, prefixHits, chooseMs } = simulate(arrivals, choose);
    figures[`loads_per_request${suffix}`] = round(loads / arrivals.length);
    figures[`imbalance${suffix}`] = round(imbalance);
    figures[`prefix_hits${suffix}`] = round(prefixHits / arrivals.length);
    if (suffix === '') figures.plan_us = round((1000 * chooseMs) / arrivals.length);
    say(
      `${suffix.slice(1) || 'planned'}: ${round(loads / arrivals.length)} loads a request, the busiest replica has ${round(imbalance)} times the mean, ${round((100 * prefixHits) / arrivals.length)} % met their conversation`,
    );
  }
  return figures;
}

/** Poisson arrivals at the rate that takes the wanted share of all slots. */
function arrive(count: number): Arrival[] {
  const random = createRandom(1);
  const weights = Array.from({ length: ADAPTERS }, (_, rank) => 1 / (rank + 1));
  const cumulated: number[] = [];
  for (const weight of weights) cumulated.push((cumulated.at(-1) ?? 0) + weight);
  const pickAdapter = () => {
    const at = random() * cumulated.at(-1)!;
    let [from, to] = [0, ADAPTERS - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (cumulated[middle]! >= at) to = middle;
      else from = middle + 1;
    }
    return from;
  };
  const meanMs = serviceMs({ promptTokens: 900, answerTokens: 150 });
  const gapMs = meanMs / (UTILIZATION * REPLICAS * SLOTS);
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs += -gapMs * Math.log(1 - random());
    const adapter = `adapter-${pickAdapter()}`;
    return {
      atMs,
      adapter,
      conversation: `${adapter} ${Math.floor(random() * CONVERSATIONS)}`,
      promptTokens: 100 + Math.floor(random() * 1600),
      answerTokens: 20 + Math.floor(random() * 260),
    };
  });
}

const serviceMs = ({ promptTokens, answerTokens }: Pick<Arrival, 'promptTokens' | 'answerTokens'>): number =>
  promptTokens * TOKEN_MS + answerTokens * ANSWER_TOKEN_MS;

function simulate(arrivals: readonly Arrival[], choose: Choose) {
  const replicas = Array.from(
    { length: REPLICAS },
    (_, i): Simulated => ({
      has(adapter) {
        return this.adapters.has(adapter);
      },
      id: `http://replica-${i}:8000`,
      weight: 1,
      slots: SLOTS,
      inFlight: 0,
      others: 0,
      outstandingTokens: 0,
      adapterTokens: new Map(),
      adapters: new Set(),
      conversations: new Set(),
    }),
  );
  const ends: { readonly atMs: number; readonly end: () => void }[] = [];
  let loads = 0;
  let prefixHits = 0;
  let imbalance = 0;
  let samples = 0;
  let chooseMs = 0;
  for (const arrival of arrivals) {
    while (ends.length > 0 && ends[0]!.atMs <= arrival.atMs) popEnd(ends).end();
    const beganMs = performance.now();
    const replica = choose(replicas, arrival);
    chooseMs += performance.now() - beganMs;
    const isLoaded = replica.adapters.has(arrival.adapter);
    if (!isLoaded) loads += 1;
    if (replica.conversations.has(arrival.conversation)) prefixHits += 1;
    replica.conversations.add(arrival.conversation);
    touch(replica.adapters, arrival.adapter);
    const tokens = arrival.promptTokens + arrival.answerTokens;
    const count = (requests: number, amount: number) => {
      replica.inFlight += requests;
      replica.outstandingTokens += amount;
      replica.adapterTokens.set(arrival.adapter, (replica.adapterTokens.get(arrival.adapter) ?? 0) + amount);
    };
    count(1, tokens);
    const atMs = arrival.atMs + serviceMs(arrival) + (isLoaded ? 0 : LOAD_MS);
    pushEnd(ends, { atMs, end: () => count(-1, -tokens) });
    const outstanding = replicas.map(({ outstandingTokens }) => outstandingTokens);
    imbalance += Math.max(...outstanding) / (outstanding.reduce((sum, one) => sum + one, 0) / REPLICAS);
    samples += 1;
  }
  return { loads, prefixHits, imbalance: imbalance / samples, chooseMs };
}

/** The most recently used last, as many as there is room for. */
function touch(adapters: Set<string>, adapter: string): void {
  adapters.delete(adapter);
  adapters.add(adapter);
  if (adapters.size > ADAPTERS_EACH) adapters.delete(adapters.values().next().value!);
}

/** A binary heap, the earliest end first. */
function pushEnd<T extends { readonly atMs: number }>(heap: T[], item: T): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]!.atMs <= heap[at]!.atMs) return;
    [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
    at = parent;
  }
}

function popEnd<T extends { readonly atMs: number }>(heap: T[]): T {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  heap[0] = last;
  for (let at = 0; ; ) {
    const children = [2 * at + 1, 2 * at + 2].filter((child) => child < heap.length);
    const least = children.reduce((best, child) => (heap[child]!.atMs < heap[best]!.atMs ? child : best), at);
    if (least === at) return first;
    [heap[least], heap[at]] = [heap[at]!, heap[least]!];
    at = least;
  }
}

const round = (value: number): number => Number(value.toFixed(4));
