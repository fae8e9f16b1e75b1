import type { AppError } from '../../errors/app-error.js';

/** A special token as tokenizer_config.json has it: its text, or an object that holds it. */
export function tokenText(token: unknown): string | null {
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : null;
}

/** Largest template, in bytes: well-known ones have up to 20,000. */
const MAX_TEMPLATE_BYTES = 1 << 20;

/**
 * The chat template among the shapes that files have: a text, nothing, or a list of named ones, of which `default` counts,
 * and without it the one for tools.
 * @throws AppError `model_invalid` for anything else, or one that is too large
 */
export function chatTemplate(value: unknown, invalid: (reason: string) => AppError): string | null {
  const template = chosenTemplate(value, invalid);
  const bytes = Buffer.byteLength(template ?? '');
  if (bytes > MAX_TEMPLATE_BYTES) {
    throw invalid(`its chat template has ${bytes} bytes, at most ${MAX_TEMPLATE_BYTES} are accepted`);
  }
  return template;
}

function chosenTemplate(value: unknown, invalid: (reason: string) => AppError): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  const named = Array.isArray(value) ? (value as { name?: unknown; template?: unknown }[]) : [];
  for (const wanted of ['default', 'tool_use']) {
    const template = named.find((candidate) => candidate?.name === wanted)?.template;
    if (typeof template === 'string') return template;
  }
  throw invalid('its chat template is neither a text nor a list with one named default or tool_use');
}

/** What the engine reads of tokenizer_config.json. Without a template there is no such key. */
export function writeTokenizerConfig(config: Readonly<Record<string, unknown>>, template: string | null): string {
  const { chat_template: _, ...others } = config;
  const texts = Object.fromEntries(
    ['bos_token', 'eos_token', 'unk_token', 'pad_token'].map((key) => [key, tokenText(config[key])]),
  );
  return JSON.stringify({ ...others, ...texts, ...(template === null ? {} : { chat_template: template }) }, null, 2);
}
