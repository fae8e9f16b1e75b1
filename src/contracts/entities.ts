/** What a model tells by the sentence around it: names and postal addresses of people. Types only. */

export type EntityKind = 'name' | 'address';

/** A piece of a text, in UTF-16 units: from `start` up to, but not including, `end`. */
export interface Entity {
  readonly start: number;
  readonly end: number;
  readonly kind: EntityKind;
}

/** What is found in each text, in the order of the text; texts of any length. */
export type RecogniseEntities = (
  tenant: string,
  texts: readonly string[],
  signal: AbortSignal,
) => Promise<readonly (readonly Entity[])[]>;
