/** The messages between the retrieval process and a parser. */
import type { ChunkSizes } from '../../../contracts/retrieval.js';
import type { ErrorMessage } from '../../../errors/app-error.js';
import type { FilePassage } from '../../chunking/chunk-file.js';
import type { PassageLimits } from '../../chunking/passages.js';
import type { StoredContent } from '../../stores/stored-content.js';
import type { Precedence } from '../encoder.js';

export interface ParserOptions {
  readonly baseModelDir: string;
  readonly limits: PassageLimits;
  /** Of processor time, for one file. */
  readonly parseTimeoutMs: number;
  /** Of V8's heap, and of all that a file takes besides what was there before it. */
  readonly parseMemoryBytes: number;
  readonly maxPassages: number;
}

export interface ParseJob {
  readonly filename: string;
  readonly content: Uint8Array | StoredContent;
  /** Null, or left out: as configured. */
  readonly chunking?: ChunkSizes | null;
}

export type ToParser =
  /** Always first, and once. */
  | { readonly type: 'start'; readonly options: ParserOptions; readonly precedence: Precedence }
  | { readonly type: 'parse'; readonly job: ParseJob };

export type FromParser =
  /** Some of the file's passages, in order. */
  | { readonly type: 'passages'; readonly passages: readonly FilePassage[] }
  | { readonly type: 'done' }
  /** The file cannot be read. */
  | { readonly type: 'refused'; readonly error: ErrorMessage }
  /** Its database cannot be read, by the database's own code. */
  | { readonly type: 'unread'; readonly code: string; readonly message: string };
