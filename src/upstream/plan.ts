/** Which replica answers: a pure function of what is known of all of them. */

export interface ReplicaView {
  readonly id: string;
  /** Share of a replica's usual traffic that it may take: 0 for none, below 1 while it starts slowly. */
  readonly weight: number;
  /** Requests that it has been sent and that are not over, and how many it answers at once. */
  readonly inFlight: number;
  readonly slots: number;
  /** Requests of others there, as far as it is known. */
  readonly others: number;
  /** Tokens of all of them, prompts and answers. */
  readonly outstandingTokens: number;
  /** Whether an adapter is loaded there. */
  has(adapter: string): boolean;
}

export interface RouteRequest {
  /** Digest of the adapter; null for the base. */
  readonly adapter: string | null;
  /** Tokens of the requests with this adapter that are not over, on all replicas. */
  readonly adapterTokens: number;
  /** Equal for requests whose prompts begin alike and may share what was computed of them. */
  readonly conversation: string;
  /** Of the prompt and the answer. */
  readonly tokens: number;
}

/** A replica may have so much more than its share before others help. */
const BOUND = 1.25;
/** A replica with fewer of its slots in use is never too busy: sending a request elsewhere would only load an adapter there. */
const EASY_SHARE = 0.5;

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018), over highest random weights (Thaler
 * and Ravishankar, 1998), so that a replica that comes or goes moves its own share of the keys alone. An adapter has as many
 * homes as its load fills, the first of its order; among them, the conversation says which one, so that a prompt meets what
 * was computed of its beginning. Without an adapter every replica is a home. Where the homes have more than their bound, the
 * next in the adapter's order help, first those that have it loaded; where none is under it, the one with the least to do for
 * its weight.
 * @returns null where no replica takes traffic
 */
export function planRoute<R extends ReplicaView>(
  replicas: readonly R[],
  { adapter, adapterTokens, conversation, tokens }: RouteRequest,
): R | null {
  const open = replicas.filter(({ weight, inFlight, slots }) => weight > 0 && inFlight < slots);
  if (open.length === 0) return null;
  const totalWeight = replicas.reduce((sum, { weight }) => sum + weight, 0);
  const totalTokens = replicas.reduce((sum, { outstandingTokens }) => sum + outstandingTokens, tokens);
  const boundOf = (weight: number) => (BOUND * totalTokens * weight) / totalWeight;
  const hasRoom = ({ inFlight, others, slots, outstandingTokens, weight }: R) =>
    inFlight + others < slots * EASY_SHARE * weight || outstandingTokens + tokens <= boundOf(weight);

  const byAdapter = adapter === null ? open : ordered(open, adapter);
  const meanSlots = open.reduce((sum, { slots }) => sum + slots, 0) / open.length;
  const homeTokens = Math.max(boundOf(1), tokens * meanSlots * EASY_SHARE);
  const homes = adapter === null ? open.length : Math.ceil((adapterTokens + tokens) / homeTokens);
  const order = [...ordered(byAdapter.slice(0, homes), conversation), ...byAdapter.slice(homes)];
  const under = order.filter(hasRoom);
  return under.find((replica) => adapter === null || replica.has(adapter)) ?? under[0] ?? leastBusy(open);
}

/** Tokens that are not over, for what the replica may take. */
export function leastBusy<R extends ReplicaView>(replicas: readonly R[]): R | null {
  const busyness = ({ outstandingTokens, weight }: R) => (1 + outstandingTokens) / weight;
  return replicas.reduce<R | null>((best, next) => (best && busyness(best) <= busyness(next) ? best : next), null);
}

function ordered<R extends ReplicaView>(replicas: readonly R[], key: string): R[] {
  const seed = hashOf(key);
  return replicas
    .map((replica) => ({ replica, score: mix(seed ^ hashOf(replica.id)) }))
    .sort((a, b) => b.score - a.score)
    .map(({ replica }) => replica);
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The finalizer of MurmurHash3. */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
