/** Where sentences and their parts end, in scripts with spaces and in those without. */

/** What may stand behind the sign that ends one: part of a pattern. */
export const CLOSING = `["'”’»)\\]」』】）〉》]*`;

/** After a sentence, white space included; Chinese and Japanese need none. */
export const SENTENCE_ENDS = new RegExp(`[.!?؟۔]${CLOSING}\\s+|[。！？｡．।॥።។]+${CLOSING}`, 'g');
/** After a part of a sentence. */
export const CLAUSE_ENDS = /[;:,،؛]\s+|[；：，、､]/g;
/** Whether a text ends with a sentence, or with what introduces the next one. */
export const ENDS_WHOLE = new RegExp(`[.!?؟۔:;。！？｡．।॥።។：；]${CLOSING}\\s*$`);
