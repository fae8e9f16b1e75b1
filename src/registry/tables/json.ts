/** JSON, as text. */
export type Json = string;
