import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { broken } from './failure.js';

/** Bytes that may wait for their reader before the sender is stopped. */
const MOST_WAITING_BYTES = 64 * 1024;

/**
 * What a server answers, as it comes: its head, then its bytes. A stream of Node's around them takes longer than all else that is done with
 * a short answer (decision 0086). Who does not read stops the sender, who leaves closes the connection. What it throws is a ReplicaFailure, or
 * the signal's reason after an abort.
 */
export class Incoming implements Dispatcher.DispatchHandler, AsyncIterable<Uint8Array> {
  statusCode = 0;
  headers: IncomingHttpHeaders = {};
  readonly #signal: AbortSignal;
  readonly #giveUp = () => this.#fail(this.#signal.reason);
  #controller: Dispatcher.DispatchController | null = null;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isOver = false;
  /** What ended it early; null: nothing did. */
  #failure: { readonly error: unknown } | null = null;
  /** Goes on with who waits for what comes next. */
  #wake = () => {};

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Resolves with the head. */
  static async ask(
    dispatcher: Dispatcher,
    options: Dispatcher.DispatchOptions,
    signal: AbortSignal,
  ): Promise<Incoming> {
    signal.throwIfAborted();
    const incoming = new Incoming(signal);
    signal.addEventListener('abort', incoming.#giveUp, { once: true });
    dispatcher.dispatch(options, incoming);
    while (incoming.statusCode === 0) await incoming.#next();
    return incoming;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        this.#signal.throwIfAborted();
        const chunk = this.#waiting.shift();
        if (chunk === undefined) {
          if (this.#isOver && this.#failure === null) return;
          await this.#next();
        } else {
          this.#waitingBytes -= chunk.length;
          if (this.#controller!.paused && this.#waitingBytes < MOST_WAITING_BYTES) this.#controller!.resume();
          yield chunk;
        }
      }
    } finally {
      this.leave();
    }
  }

  /** Closes the connection where it is not over. */
  leave(): void {
    if (!this.#isOver) this.#fail(new Error('nobody reads it'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== null) controller.abort(this.#failure.error as Error);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    // What is said in between is no answer yet.
    if (statusCode < 200) return;
    this.statusCode = statusCode;
    this.headers = headers;
    this.#wake();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= MOST_WAITING_BYTES) controller.pause();
    this.#wake();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#failure ??= { error };
    this.#end();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#controller?.abort(error as Error);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#giveUp);
    this.#wake();
  }

  /** Resolves when something came, or it is over. */
  async #next(): Promise<void> {
    if (this.#failure === null)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure === null) return;
    this.#signal.throwIfAborted();
    const { error } = this.#failure;
    throw broken(error instanceof Error ? error.message : String(error), error);
  }
}
