/** Work that waits, by tenant: each tenant in turn, and within one the oldest first. */
export class Turns<T extends { readonly tenant: string }> {
  /** In the order of their turns. */
  readonly #waiting = new Map<string, T[]>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Who has something waiting. */
  get tenants(): Iterable<string> {
    return this.#waiting.keys();
  }

  add(item: T): void {
    const own = this.#waiting.get(item.tenant);
    if (own) own.push(item);
    else this.#waiting.set(item.tenant, [item]);
  }

  /** @param mayGo whose turn it may be; the others keep theirs */
  take(mayGo: (tenant: string) => boolean = () => true): T | undefined {
    for (const [tenant, items] of this.#waiting) {
      if (!mayGo(tenant)) continue;
      const item = items.shift()!;
      // Its next turn comes after all others'.
      this.#waiting.delete(tenant);
      if (items.length > 0) this.#waiting.set(tenant, items);
      return item;
    }
    return undefined;
  }

  /** Whether it was still waiting. */
  remove(item: T): boolean {
    const items = this.#waiting.get(item.tenant) ?? [];
    const at = items.indexOf(item);
    if (at === -1) return false;
    items.splice(at, 1);
    if (items.length === 0) this.#waiting.delete(item.tenant);
    return true;
  }
}
