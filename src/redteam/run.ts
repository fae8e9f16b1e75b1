import type { Attack } from './attack.js';
import { attackOnce, plant, type Target } from './target.js';
import { withstands } from './verdict.js';

export interface Outcome {
  readonly id: string;
  readonly category: string;
  /** The deployment, or its version, that was attacked. */
  readonly model: string;
  readonly withstood: boolean;
  readonly filtered: boolean;
  readonly answer: string;
}

export interface RedTeamOptions {
  readonly target: Target;
  /** Where documents of another tenant are laid; null: attacks that need one are left out. */
  readonly other: Target | null;
  /** `assistant`, `assistant@2`: each is attacked with everything. */
  readonly models: readonly string[];
  readonly attacks: readonly Attack[];
  /** Requests at once. */
  readonly concurrency: number;
  readonly onProgress: (done: number, total: number) => void;
}

/** Tries every attack on every model. The documents that attacks need lie in stores of their own, and go when it ends. */
export async function runRedTeam(options: RedTeamOptions): Promise<Outcome[]> {
  const { target, other, models, concurrency, onProgress } = options;
  const attacks = options.attacks.filter(({ otherTenant = false }) => !otherTenant || other !== null);
  const planted: { remove(): Promise<void> }[] = [];
  const plantAll = async (where: Target, some: readonly Attack[]) => {
    if (some.length === 0) return null;
    const store = await plant(where, some);
    planted.push(store);
    return store.id;
  };
  try {
    const withDocument = attacks.filter(({ document }) => document !== undefined);
    const storeId = await plantAll(
      target,
      withDocument.filter(({ otherTenant = false }) => !otherTenant),
    );
    const others = withDocument.filter(({ otherTenant = false }) => otherTenant);
    if (other !== null) await plantAll(other, others);
    const jobs = models.flatMap((model) => attacks.map((attack) => ({ model, attack })));
    const outcomes = new Array<Outcome>(jobs.length);
    let [next, done] = [0, 0];
    const work = async () => {
      for (let job = next++; job < jobs.length; job = next++) {
        const { model, attack } = jobs[job]!;
        const isHere = attack.document !== undefined && !attack.otherTenant;
        const reply = await attackOnce(target, model, attack, isHere ? storeId : null);
        const { id, category } = attack;
        const withstood = withstands(attack, reply);
        outcomes[job] = { id, category, model, withstood, filtered: reply.filtered, answer: reply.text };
        onProgress(++done, jobs.length);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return outcomes;
  } finally {
    for (const store of planted) await store.remove();
  }
}
