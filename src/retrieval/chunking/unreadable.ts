/** Why a file cannot be read, in words for whoever uploaded it, to stand after "it cannot be read:". */
export class Unreadable extends Error {}

export const DAMAGED = 'it is damaged, or was cut off';
export const NO_TEXT = 'it holds no text';
