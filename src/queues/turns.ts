/** Tenants beyond whom one that has nothing waiting is forgotten. */
const REMEMBERED_TENANTS = 1024;

/** Work that waits, by tenant: each tenant in turn, and within one the oldest first. */
export class Turns<T extends { readonly tenant: string }> {
  /** Also of tenants that have nothing waiting: a Map that is filled and emptied all the time keeps what was in it (`roll.ts`). */
  readonly #waiting = new Map<string, T[]>();
  /** Who has something waiting, in the order of their turns. */
  readonly #order: string[] = [];

  get isEmpty(): boolean {
    return this.#order.length === 0;
  }

  /** Who has something waiting. */
  get tenants(): Iterable<string> {
    return this.#order;
  }

  add(item: T): void {
    const { tenant } = item;
    const own = this.#waiting.get(tenant);
    if (own === undefined) this.#waiting.set(tenant, [item]);
    else own.push(item);
    if (own === undefined || own.length === 1) this.#order.push(tenant);
  }

  /** @param mayGo whose turn it may be; the others keep theirs */
  take(mayGo: (tenant: string) => boolean = () => true): T | undefined {
    const at = this.#order.findIndex(mayGo);
    if (at === -1) return undefined;
    const [tenant] = this.#order.splice(at, 1) as [string];
    const items = this.#waiting.get(tenant)!;
    const item = items.shift();
    // Its next turn comes after all others'.
    if (items.length > 0) this.#order.push(tenant);
    else this.#forget(tenant);
    return item;
  }

  /** Whether it was still waiting. */
  remove(item: T): boolean {
    const { tenant } = item;
    const items = this.#waiting.get(tenant) ?? [];
    const at = items.indexOf(item);
    if (at === -1) return false;
    items.splice(at, 1);
    if (items.length > 0) return true;
    this.#order.splice(this.#order.indexOf(tenant), 1);
    this.#forget(tenant);
    return true;
  }

  #forget(tenant: string): void {
    if (this.#waiting.size > REMEMBERED_TENANTS) this.#waiting.delete(tenant);
  }
}
