import vm from 'node:vm';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import type { AppError } from '../../errors/app-error.js';

/** A special token as tokenizer_config.json has it: its text, or an object that holds it. */
export function tokenText(token: unknown): string | null {
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : null;
}

/** Largest template, in bytes: well-known ones have up to 20,000. */
const MAX_TEMPLATE_BYTES = 1 << 20;
/** A loop without an end, or an expression that goes back without one, would hold an import for ever. */
const TRIAL_MS = 60_000;

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

/**
 * Loads a tokenizer as a start does, and renders a chat: what a start would fail of, or answer nonsense with, is not
 * imported.
 * @param limitMs for each of the two
 * @throws AppError `model_invalid` with the reason
 */
export function checkTokenizer(
  tokenizerJson: string,
  configJson: string,
  invalid: (reason: string) => AppError,
  limitMs = TRIAL_MS,
): void {
  const config = JSON.parse(configJson) as {
    chat_template?: string;
    bos_token: string | null;
    eos_token: string | null;
  };
  try {
    within(limitMs, () => new Tokenizer(JSON.parse(tokenizerJson) as object, config).encode('A text of 3 words.'));
  } catch (error) {
    throw invalid(`its tokenizer cannot be used (${String(error)})`);
  }
  if (config.chat_template === undefined) return;
  try {
    const { chat_template: template, bos_token: bos, eos_token: eos } = config;
    const rendered = within(limitMs, () =>
      new Template(template).render({
        messages: [{ role: 'user', content: 'A question.' }],
        add_generation_prompt: true,
        bos_token: bos ?? '',
        eos_token: eos ?? '',
      }),
    );
    if (!rendered.includes('A question.')) throw new Error('it leaves out what the user says');
  } catch (error) {
    throw invalid(`its chat template cannot be used (${String(error)})`);
  }
}

/** @throws Error where it takes longer; nothing else ends a loop on the thread that runs it */
function within<T>(limitMs: number, run: () => T): T {
  return vm.runInNewContext('run()', { run }, { timeout: limitMs }) as T;
}
