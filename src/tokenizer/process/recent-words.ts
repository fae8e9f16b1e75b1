/** Of each of the two Maps. What a day's requests consist of is less. */
export const MOST_WORDS = 5000;

/**
 * The tokens of words that came lately, at most twice `MOST_WORDS`, for the cache of a byte-pair encoder. The library's own takes a word out of its
 * Map and puts it in again whenever it comes, and V8 makes a Map anew after every few thousand changes: each word of each prompt made garbage that
 * lives until all memory is looked through. Here a word that is found changes nothing, and a Map that is full is the older one from then on.
 */
export class RecentWords {
  #newer = new Map<string, string[]>();
  #older = new Map<string, string[]>();

  get(word: string): string[] | undefined {
    const found = this.#newer.get(word);
    if (found !== undefined) return found;
    const older = this.#older.get(word);
    if (older !== undefined) this.put(word, older);
    return older;
  }

  put(word: string, tokens: string[]): void {
    if (this.#newer.size >= MOST_WORDS) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(word, tokens);
  }
}
