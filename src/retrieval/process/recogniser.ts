/** The model that finds names and postal addresses: it tells of each word, by those around it, what it is part of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { LRUCache } from 'lru-cache';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Entity } from '../../contracts/entities.js';
import type { NerManifest } from '../../contracts/model-manifest.js';
import { ENTITY_TAGS, type EntityTag, entitiesOf } from '../../personal-data/entities-of.js';
import { entityWindows, entityWordsOf } from '../../personal-data/entity-words.js';

/** Tokens that are read together, of 512 that the model could: it tells best by a few sentences, and nothing waits long. */
const WINDOW_TOKENS = 128;
const OVERLAP_TOKENS = 32;
/** Words that are cut into tokens between two looks at what else is to be done. */
const WORDS_AT_ONCE = 1024;
/** Ids of words that were cut lately. */
const MAX_WORDS = 8192;

/** What the model's labels say, without how they begin. */
const TAG_OF: Readonly<Record<string, EntityTag>> = {
  GIVEN_NAME: 'name',
  SURNAME: 'name',
  BUILDING_NUMBER: 'number',
  STREET_NAME: 'street',
  SECONDARY_ADDRESS: 'unit',
  CITY: 'city',
  STATE: 'state',
  ZIP_CODE: 'code',
};

export interface Recogniser {
  /**
   * Of a text of any length.
   * @param inTurn runs a piece of the work, for which this thread does nothing else
   */
  entities(text: string, inTurn: <T>(job: () => Promise<T>) => Promise<T>): Promise<Entity[]>;
}

/** Loads an imported model from its folder. Nothing is ever fetched. */
export async function loadRecogniser(
  folder: string,
  { graph, labels }: NerManifest,
  threads: number,
): Promise<Recogniser> {
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  const session = await InferenceSession.create(join(folder, graph.file), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const [first, last] = tokenizer.encode('').ids as [number, number];
  const tags = labels.map((label) => TAG_OF[label.replace(/^[BI]-/, '')] ?? null);
  const known = new LRUCache<string, readonly number[]>({ max: MAX_WORDS });

  // The vocabulary's own cut is finer than these words nowhere, so a word alone has the ids that it has in its sentence.
  const idsOf = (word: string): readonly number[] => {
    const ids = known.get(word) ?? tokenizer.encode(word, { add_special_tokens: false }).ids;
    known.set(word, ids);
    return ids;
  };

  /** What each of the words is part of. */
  async function tell(words: readonly (readonly number[])[]): Promise<(EntityTag | null)[]> {
    const ids = BigInt64Array.from([first, ...words.flat(), last], BigInt);
    const int64 = (values: BigInt64Array) => new Tensor('int64', values, [1, ids.length]);
    const inputs = {
      input_ids: int64(ids),
      attention_mask: int64(new BigInt64Array(ids.length).fill(1n)),
      token_type_ids: int64(new BigInt64Array(ids.length)),
    };
    const feeds = Object.fromEntries(Object.entries(inputs).filter(([name]) => session.inputNames.includes(name)));
    const { [session.outputNames[0]!]: output } = await session.run(feeds);
    const logits = output!.data as Float32Array;
    let at = 1;
    return words.map(({ length }) => {
      const tag = tagOf(logits.subarray(at * labels.length, (at + length) * labels.length), tags);
      at += length;
      return tag;
    });
  }

  return {
    async entities(text, inTurn) {
      const words = entityWordsOf(text);
      const ids: (readonly number[])[] = [];
      for (let at = 0; at < words.length; at += WORDS_AT_ONCE) {
        const some = words.slice(at, at + WORDS_AT_ONCE);
        ids.push(...(await inTurn(async () => some.map(({ start, end }) => idsOf(text.slice(start, end))))));
      }
      const told: (EntityTag | null)[] = [];
      const sizes = ids.map(({ length }) => length);
      for (const { start, end, from, to } of entityWindows(sizes, WINDOW_TOKENS, OVERLAP_TOKENS)) {
        const some = await inTurn(() => tell(ids.slice(start, end)));
        told.push(...some.slice(from - start, to - start));
      }
      return entitiesOf(
        text,
        words.map((word, index) => ({ ...word, tag: told[index]! })),
      );
    },
  };
}

/** The likeliest by the mean over a word's tokens. @param logits of each token, one a label */
function tagOf(logits: Float32Array, tags: readonly (EntityTag | null)[]): EntityTag | null {
  const sums = new Map<EntityTag | null, number>();
  for (let from = 0; from < logits.length; from += tags.length) {
    const own = logits.subarray(from, from + tags.length);
    const most = own.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
    const weights = Array.from(own, (value) => Math.exp(value - most));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [label, weight] of weights.entries()) {
      sums.set(tags[label]!, (sums.get(tags[label]!) ?? 0) + weight / total);
    }
  }
  let best: EntityTag | null = null;
  for (const tag of ENTITY_TAGS) if ((sums.get(tag) ?? 0) > (sums.get(best) ?? 0)) best = tag;
  return best;
}
