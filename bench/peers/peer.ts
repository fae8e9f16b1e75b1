import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ModelManifest } from '../../src/contracts/model-manifest.js';
import type { PeerAdapter } from './adapters.js';

/** What all servers share, so that a ratio says something. */
export const THREADS = 2;
export const SLOTS = 8;
export const CONTEXT_TOKENS = 2048;

/** What peers install into; git ignores it. */
const INSTALLED = path.join(import.meta.dirname, '.installed');

export interface PeerContext {
  /** The GGUF file that all of them serve, in this form or one made from it. */
  readonly modelFile: string;
  /** Our import of it. */
  readonly modelDir: string;
  readonly manifest: ModelManifest;
  readonly adapters: readonly PeerAdapter[];
  /** Temporary: logs and data of this run. */
  readonly workDir: string;
  /** `THREADS` where it is not said. One alone waits for no other, so that a busy machine costs its share and no more. */
  readonly threads?: number;
  /** Requests that are computed at once; `SLOTS` where it is not said. */
  readonly slots?: number;
  /** Writes a line for people. */
  readonly say: (line: string) => void;
}

/** A server that can be started here. */
export interface Peer {
  readonly name: string;
  /** It can serve LoRA adapters. */
  readonly adapters: boolean;
  /** Installs what it needs, once. @throws Error that says what is missing */
  install(context: PeerContext): Promise<void>;
  start(context: PeerContext): Promise<PeerServer>;
}

/** A running one: it answers OpenAI's `POST /v1/completions`. */
export interface PeerServer {
  /** The process that started all others of it. */
  readonly pid: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its version and build, and the command that started it: for the record. */
  readonly version: string;
  readonly command: string;
  /** Fields of a request that choose an adapter (null: none), and keep the answer from ending early. */
  fields(adapter: number | null): object;
  stop(): Promise<void>;
}

/** The peer's own folder, made where it is missing. */
export function installFolder(name: string): string {
  const folder = path.join(INSTALLED, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
