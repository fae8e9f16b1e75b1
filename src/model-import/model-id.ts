/** Ids are names of folders; the temporary ones of an import are none. */
export function isModelId(id: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,99}$/.test(id) && !id.includes('.partial-');
}
