import { AppError } from '../errors/app-error.js';
import type { Account } from './account.js';

/** Of one request: a tenant's account first, then that of its key. */
export type Accounts = readonly [tenant: Account, key: Account];

/** Gets what is missing of the shares of accounts for those that wait; null: nobody else has any. */
export type AskOthers = ((accounts: Accounts) => Promise<void>) | null;

interface Waiting {
  readonly accounts: Accounts;
  readonly go: () => void;
}

/** Where nobody knows when a request that computes something will end. */
const RETRY_AFTER_S = 1;
/** Its body is not read yet, and a connection that is silent for longer may be closed. */
const LONGEST_WAIT_MS = 30_000;
/** Between two looks whether other gateways leave something to those that wait. */
const ASK_EVERY_MS = 250;

/** How many requests compute something at once, for each tenant and each key; further ones wait in their order, up to a limit. */
export class Gate {
  readonly #waiting = new Map<Account, Set<Waiting>>();
  readonly #nowMs: () => number;
  readonly #askOthers: AskOthers;

  constructor(nowMs: () => number, askOthers: AskOthers) {
    this.#nowMs = nowMs;
    this.#askOthers = askOthers;
  }

  /** @throws AppError `too_many_concurrent` where a request can neither begin nor wait */
  check(accounts: Accounts): void {
    for (const account of accounts.filter(this.#isFull)) {
      if (account.waiting >= (account.limits.queuedRequests ?? 0)) throw tooMany(account);
    }
  }

  /** Resolves when the request may begin, with what ends it. Counts at once. @throws as `check` after a long wait, the signal's reason after an abort */
  async enter(accounts: Accounts, signal: AbortSignal): Promise<() => void> {
    if (accounts.some(this.#isFull)) await this.#wait(accounts, signal);
    else count(accounts, 'running', 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      count(accounts, 'running', -1);
      for (const account of accounts) account.pay();
      this.#next(accounts[0]);
    };
  }

  #wait(accounts: Accounts, signal: AbortSignal): Promise<void> {
    const own = this.#waiting.get(accounts[0]) ?? new Set();
    this.#waiting.set(accounts[0], own);
    count(accounts, 'waiting', 1);
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        clearInterval(asking);
        signal.removeEventListener('abort', giveUp);
        own.delete(waiting);
        if (own.size === 0) this.#waiting.delete(accounts[0]);
        count(accounts, 'waiting', -1);
      };
      const giveUp = () => {
        leave();
        reject(signal.aborted ? signal.reason : tooMany(accounts.find(this.#isFull) ?? accounts[0]));
      };
      const timer = setTimeout(giveUp, LONGEST_WAIT_MS);
      const ask = () => {
        // Who cannot be asked leaves nothing: it waits on.
        this.#askOthers!(accounts).then(
          () => this.#next(accounts[0]),
          () => {},
        );
      };
      const asking = this.#askOthers === null ? undefined : setInterval(ask, ASK_EVERY_MS);
      const waiting: Waiting = {
        accounts,
        go: () => {
          leave();
          count(accounts, 'running', 1);
          resolve();
        },
      };
      own.add(waiting);
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp);
    });
  }

  /** Lets in, in their order, those of a tenant whose key has room too. */
  #next(tenant: Account): void {
    for (const waiting of [...(this.#waiting.get(tenant) ?? [])]) {
      if (this.#isFull(tenant)) return;
      if (!waiting.accounts.some(this.#isFull)) waiting.go();
    }
  }

  readonly #isFull = (account: Account): boolean => account.isFull(this.#nowMs());
}

function tooMany({ limits: { concurrentRequests, queuedRequests } }: Account): AppError {
  const limit = `${concurrentRequests} at once, ${queuedRequests ?? 0} waiting`;
  return new AppError('too_many_concurrent', { limit, retryAfterS: RETRY_AFTER_S });
}

function count(accounts: Accounts, what: 'running' | 'waiting', by: 1 | -1): void {
  for (const account of accounts) account[what] += by;
}
