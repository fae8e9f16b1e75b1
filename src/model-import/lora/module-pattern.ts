/** Whether a module's name fits. */
export type ModulePattern = (module: string) => boolean;

const MAX_LENGTH = 200;
const MAX_REPEATS = 4;

/**
 * A key of `rank_pattern` or `alpha_pattern` with PEFT's meaning: a regular expression for the end of a module's name,
 * starting at a dot. It comes from whoever made the adapter, so one that could take exponential time (a repeated group, a
 * back-reference, a look-around) or many steps is not compiled: null.
 */
export function modulePattern(pattern: string): ModulePattern | null {
  const simple = /^[\w.\-\\^$|()[\]*+?:]+$/.test(pattern) && pattern.length <= MAX_LENGTH;
  const groupsRepeat = /\)[*+?]/.test(pattern);
  const special = /\\\d|\(\?(?!:)/.test(pattern);
  const repeats = pattern.match(/[*+?]/g)?.length ?? 0;
  if (!simple || groupsRepeat || special || repeats > MAX_REPEATS) return null;
  try {
    const expression = new RegExp(`^(?:.*\\.)?(?:${pattern})$`);
    return (module) => expression.test(module);
  } catch {
    return null;
  }
}
