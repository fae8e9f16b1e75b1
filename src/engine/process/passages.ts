import type { EngineObservation, Priority } from '../../contracts/generator.js';
import { PassageCache } from './passage-cache.js';
import { PassageReading } from './passage-reading.js';
import { BLOCK_TOKENS } from './prefix-cache.js';
import type { PassageStore } from './runner.js';
import type { Sequence } from './sequence.js';

/** The places of the spare ones that passages go through which are not kept; the others are the slots'. */
const PASSING = 0;

/**
 * Puts the passages of prompts in place: copies of those that are known, and the others once they are computed. What
 * several requests need is computed by one of them, for all.
 */
export class Passages {
  readonly #store: PassageStore;
  readonly #cache: PassageCache;
  readonly #observe: (observation: EngineObservation) => void;
  /** Who computes a passage. */
  readonly #claims = new Map<string, Sequence>();

  constructor(store: PassageStore, observe: (observation: EngineObservation) => void) {
    this.#store = store;
    this.#cache = new PassageCache(store.places);
    this.#observe = observe;
  }

  /** Keys and values that are kept, by tenant. */
  bytes(): Record<string, number> {
    const { placeBytes } = this.#store;
    return Object.fromEntries([...this.#cache.used].map(([tenant, places]) => [tenant, places * placeBytes]));
  }

  /** Gives up what a tenant has kept: all of it, or what was computed with one adapter. */
  forget(tenant: string, adapter?: string): void {
    this.#cache.forget(tenant, adapter);
  }

  /** For a prompt whose instructions alone, or a part of them, lie in its slot. Returns tokens of its passages that are known. */
  begin(sequence: Sequence): number {
    const { promptIds, passages } = sequence;
    sequence.reading = new PassageReading(sequence, promptIds, passages, this.#store.longestTurn);
    return sequence.reading.tokensKnown((key) => this.#cache.has(key));
  }

  /** Before a step: what is known is put in place, and it is settled who computes what is not. */
  settle(slots: readonly (Sequence | null)[]): void {
    for (const [key, { reading }] of this.#claims) {
      if (reading?.next?.key !== key) this.#claims.delete(key);
    }
    slots.forEach((sequence, slot) => {
      if (sequence?.reading) this.#placeKnown(sequence, slot);
    });
    const reading = slots.flatMap((sequence, slot) => (sequence?.reading ? [{ sequence, slot }] : []));
    for (const { sequence } of reading) this.#claim(sequence);
    for (const { sequence, slot } of reading) this.#prepare(sequence, slot);
  }

  /** After a step of the sequence: a passage that is whole is kept, and put in place. */
  computed(sequence: Sequence, slot: number): void {
    const { reading } = sequence;
    if (!reading?.isComputed) return;
    const { key, tokens, instructionTokens, gap, position } = reading.next!;
    const isToKeep = sequence.keeps && !this.#cache.has(key);
    const kept = isToKeep ? this.#cache.insert(key, sequence, Math.ceil(tokens / BLOCK_TOKENS)) : null;
    const places = kept?.places ?? this.#store.spare(PASSING);
    this.#store.take(slot, instructionTokens, tokens, places);
    this.#store.put(places, tokens, instructionTokens + gap, slot, position);
    this.#placed(sequence, slot, false);
    this.#placeKnown(sequence, slot);
  }

  #placeKnown(sequence: Sequence, slot: number): void {
    for (;;) {
      const next = sequence.reading?.next;
      const known = next && this.#cache.find(next.key);
      if (!next || !known) return;
      this.#store.put(known.places, next.tokens, next.instructionTokens + next.gap, slot, next.position);
      this.#placed(sequence, slot, true);
    }
  }

  #placed(sequence: Sequence, slot: number, wasKnown: boolean): void {
    const reading = sequence.reading!;
    const { tokens, instructionTokens, gap, position } = reading.next!;
    const { tenant, deployment } = sequence.job;
    const turnedBy = position - instructionTokens - gap;
    this.#observe({ type: 'passage', tenant, deployment, tokens, wasKnown, turnedBy });
    if (reading.isLast) this.#turnInstructions(reading, slot, 0);
    sequence.passagePlaced();
  }

  /** The first one that comes to a passage computes it; a batch request may be kept waiting itself, and gives it away. */
  #claim(sequence: Sequence): void {
    const reading = sequence.reading!;
    if (sequence.cachedTokens < reading.instructionTokens) return;
    const { key } = reading.next!;
    const owner = this.#claims.get(key) ?? sequence;
    const isMine = owner === sequence || rank(owner.priority) < rank(sequence.priority);
    if (isMine) this.#claims.set(key, sequence);
  }

  /** Who computes its passage sees the instructions as far away as the passage's place is meant to be. */
  #prepare(sequence: Sequence, slot: number): void {
    const reading = sequence.reading!;
    const { next } = reading;
    const owner = next && this.#claims.get(next.key);
    reading.waits = Boolean(owner) && owner !== sequence;
    if (next && owner === sequence) this.#turnInstructions(reading, slot, next.gap);
  }

  #turnInstructions(reading: PassageReading, slot: number, gap: number): void {
    if (reading.turnedBy === gap) return;
    const { instructionTokens } = reading;
    const places = this.#store.spare(1 + slot);
    if (reading.turnedBy === 0) this.#store.take(slot, 0, instructionTokens, places);
    this.#store.put(places, instructionTokens, gap, slot, 0);
    reading.turnedBy = gap;
  }
}

const rank = (priority: Priority): number => (priority === 'interactive' ? 1 : 0);
