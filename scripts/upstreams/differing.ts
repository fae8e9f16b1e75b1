/** An answer that is not what its version gives alone. */
export interface Differing {
  /** Name and version. */
  readonly adapter: string;
  readonly prompt: string;
  readonly text: string;
  /** Of the same version, alone. */
  readonly expected: string;
}

/**
 * Requests that are computed together may round otherwise than alone, and go on otherwise where two tokens were nearly as likely. What
 * such an answer is most like among those of the other versions tells whether it could be one of theirs.
 * @param alone what each version gives alone, by its name and the prompt
 */
export function nearestOther(alone: ReadonlyMap<string, string>, { adapter, prompt, text }: Differing) {
  const others = [...alone].filter(([key]) => key.endsWith(` ${prompt}`) && key !== `${adapter} ${prompt}`);
  const ranked = others.map(([key, other]) => ({
    ...{ adapter: key.slice(0, -prompt.length - 1), text: other, shared: shared(text, other) },
  }));
  return ranked.reduce((best, one) => (one.shared > best.shared ? one : best));
}

/** Characters that two texts begin with alike. */
export function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
