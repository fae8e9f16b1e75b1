import type { Job, JobStatus } from '../../contracts/jobs.js';
import { type Child, h } from '../dom.js';
import { badge, type Tone } from './layout.js';

const TONES: Readonly<Record<JobStatus, Tone>> = {
  queued: 'plain',
  running: 'plain',
  completed: 'good',
  failed: 'bad',
  cancelled: 'warn',
};

export const isOver = ({ status }: Pick<Job, 'status'>): boolean => status !== 'queued' && status !== 'running';

/** How work stands that goes on behind everything. @param doing what is done, while it is @param more behind how far it is */
export function jobState(job: Pick<Job, 'status' | 'progress' | 'error'>, doing: string, more = ''): Child {
  const { status, progress, error } = job;
  if (isOver(job)) return [badge(status, TONES[status]), error !== null && h('p', { class: 'hint' }, error.message)];
  return progressOf(progress, status === 'queued' ? 'waiting' : `${doing}, ${Math.floor(100 * progress)} %${more}`);
}

/** A bar, and beside it in words how far it is. */
export function progressOf(share: number, label: string): Child {
  return [h('progress', { max: 1, value: share, 'aria-label': label }), ' ', h('span', { class: 'hint' }, label)];
}

export function leftOf(seconds: number | null): string {
  if (seconds === null) return '';
  return `, about ${seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left`;
}

/** Tells of what was under way at the look before, and is over now. */
export function whenOver<T extends Pick<Job, 'id' | 'status'>>(tell: (one: T) => void): (all: readonly T[]) => void {
  let underWay = new Set<string>();
  return (all) => {
    for (const one of all) if (underWay.has(one.id) && isOver(one)) tell(one);
    underWay = new Set(all.filter((one) => !isOver(one)).map(({ id }) => id));
  };
}
