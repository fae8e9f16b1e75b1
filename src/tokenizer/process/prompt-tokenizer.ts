import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import type { FimTokens, ModelManifest } from '../../contracts/model-manifest.js';
import type { Prompt } from '../../contracts/prompt.js';
import type { AnswerFormat, EncodedPrompt } from '../../contracts/tokenizer.js';
import { AppError } from '../../errors/app-error.js';
import type { Bounds } from '../protocol.js';
import type { InfillMarks } from '../raw-infill.js';
import { readTemplate, type TemplateTexts } from './chat-template.js';
import { type ChatValues, guardChat, toChatValues } from './chat-values.js';
import { compileTemplate } from './compile-template.js';
import { createEncoder } from './encoder.js';
import { type AddedToken, createGuard, type Marks, possibleMarks, unusedMarks } from './markers.js';

/** The base model's tokenizer and chat template, on the thread that asks. */
export interface PromptTokenizer {
  encode(prompt: Prompt): readonly number[];
  encodeBare(text: string): readonly number[];
  decode(ids: readonly number[]): string;
  spell(ids: readonly number[]): string[];
  /** With where passages begin, and where the last one ends. @param tenant as an `Encoder` has it */
  encodeParts(prompt: Prompt, tenant?: string | null): EncodedPrompt;
  /** Tokens that a text takes within a message. */
  count(text: string): number;
  readonly bounds: Bounds;
  readonly infillMarks: InfillMarks | null;
  readonly answerFormat: AnswerFormat;
}

/** Parts of `tokenizer.json` and `tokenizer_config.json` that are read here. */
interface TokenizerFile {
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: unknown;
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
}
interface TokenizerConfig {
  readonly chat_template?: string | null;
  readonly bos_token?: string | null;
  readonly eos_token?: string | null;
}

type Chat = Extract<Prompt, { kind: 'chat' }>;
type Infill = Extract<Prompt, { kind: 'infill' }>;

/** Editors do not name the file that they fill in. */
const OWN_FILE = 'this file\n';
const REPOSITORY = 'repository\n';
/** Of four letters a normalizer may make one. */
const MOST_COMPOSED = 4;
/** Shows how a template begins an answer. */
const PROBE = toChatValues({ kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] });
/** What templates are rendered with anyway. */
const RESERVED = new Set(['messages', 'tools', 'add_generation_prompt', 'bos_token', 'eos_token']);
const NO_TEMPLATE = {
  ...{ bracketed: [], labels: [], lookedFor: new Set<string>() },
  ...{ calls: null, names: new Set<string>(), thinks: false },
};

/**
 * Loads the tokenizer of an imported model. Uses the two packages that @huggingface/transformers itself is built on:
 * importing the whole would map onnxruntime and libvips too, at 39 MB and 170 ms instead of 2 MB and 7 ms.
 */
export async function loadPromptTokenizer(
  modelDir: string,
  manifest: Pick<ModelManifest, 'id' | 'tokenizer'>,
  fences: readonly string[],
): Promise<PromptTokenizer> {
  const read = async (file: string) => JSON.parse(await readFile(path.join(modelDir, file), 'utf8')) as unknown;
  const file = (await read(manifest.tokenizer.file)) as TokenizerFile;
  const config = (await read(manifest.tokenizer.configFile)) as TokenizerConfig;
  return createPromptTokenizer(file, config, manifest, fences);
}

function createPromptTokenizer(
  file: TokenizerFile,
  config: TokenizerConfig,
  manifest: Pick<ModelManifest, 'id' | 'tokenizer'>,
  fences: readonly string[],
): PromptTokenizer {
  const tokenizer = new Tokenizer(file, config);
  const source = config.chat_template ?? null;
  const template = source === null ? null : compileTemplate(source);
  const texts = source === null ? NO_TEMPLATE : readTemplate(source);
  const guard = createGuard(file.added_tokens, texts, fences);
  const inSource = possibleMarks(source ?? '');
  const encoder = createEncoder(tokenizer, file.added_tokens);

  const render = (values: ChatValues, marks: Marks, flags: Chat['flags'] = {}): string => {
    if (!template) {
      throw new AppError('invalid_value', { param: 'messages', reason: 'the base model has no chat template' });
    }
    const guarded = guardChat(values, guard, marks);
    try {
      return template({
        ...flags,
        ...guarded,
        add_generation_prompt: true,
        bos_token: config.bos_token ?? '',
        eos_token: config.eos_token ?? '',
      });
    } catch (error) {
      // Templates refuse what their model was not trained on, e.g. two user messages in a row.
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError('invalid_value', { param: 'messages', reason }, { cause: error });
    }
  };

  const encodeChat = (prompt: Chat, tenant: string | null): EncodedPrompt => {
    checkTools(prompt, texts);
    checkFlags(prompt, texts);
    const values = toChatValues(prompt);
    const marks = unusedMarks([JSON.stringify(values)], inSource);
    const { ids, passages } = encoder.encode(render(values, marks, prompt.flags), marks, tenant);
    const { bosId } = manifest.tokenizer;
    // Templates write the token themselves, or leave it to who encodes (llama.cpp adds it where it is missing).
    if (bosId === null || ids[0] === bosId) return { ids: Int32Array.from(ids), passages };
    return { ids: Int32Array.of(bosId, ...ids), passages: passages.map((at) => at + 1) };
  };

  /**
   * The line that the cursor stands in is the middle's beginning: the prompt grows at its end while a line is typed, and
   * all that is before is cached (docs/decisions/0024).
   */
  const encodeInfill = ({ prefix, suffix, files }: Infill): number[] => {
    const { fim } = manifest.tokenizer;
    if (!fim) throw new AppError('infill_not_supported', { model: manifest.id });
    const begin = prefix.lastIndexOf('\n') + 1;
    const [above, begun] = [prefix.slice(0, begin), prefix.slice(begin)];
    const named = files.map(({ path: name, text }) => `${name}\n${text.trimEnd()}\n`);
    const marks = unusedMarks([prefix, suffix, ...named]);
    const encode = (text: string) => encoder.encode(guard.text(text, marks), marks).ids;
    return [
      ...repository(named, fim).flatMap((part) => (typeof part === 'number' ? part : encode(part))),
      ...[fim.prefix, ...encode(above)],
      ...[fim.suffix, ...encode(suffix)],
      ...[fim.middle, ...encode(begun)],
    ];
  };

  const spell = (ids: readonly number[]): string[] =>
    ids.map((id, index) => {
      const token = tokenizer.id_to_token(id);
      if (token !== undefined) return token;
      throw new AppError('invalid_value', { param: `tokens[${index}]`, reason: `${id} is no token of ${manifest.id}` });
    });

  const encodeParts = (prompt: Prompt, tenant: string | null = null): EncodedPrompt => {
    switch (prompt.kind) {
      case 'chat':
        return encodeChat(prompt, tenant);
      case 'text':
        return inOrder(tokenizer.encode(prompt.text).ids);
      case 'tokens':
        return inOrder(prompt.ids);
      case 'infill':
        return inOrder(encodeInfill(prompt));
    }
  };

  return {
    encode: (prompt) => [...encodeParts(prompt).ids],
    encodeParts,
    encodeBare: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    decode(ids) {
      spell(ids);
      // The library refuses an empty list.
      if (ids.length === 0) return '';
      return tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    spell,
    count(text) {
      const marks = unusedMarks([text]);
      return encoder.encode(guard.message(text, 'system', [], marks), marks).ids.length;
    },
    bounds: boundsOf(file, texts.lookedFor.size > 0),
    infillMarks: infillMarksOf(file, manifest.tokenizer.fim),
    answerFormat: {
      calls: texts.calls,
      thoughts: thoughtsOf(texts, () => render(PROBE, unusedMarks([]))),
      specials: file.added_tokens.filter(({ special }) => special).map(({ content }) => content),
    },
  };
}

const inOrder = (ids: readonly number[]): EncodedPrompt => ({ ids: Int32Array.from(ids), passages: [] });

/** Some templates begin the thoughts themselves. */
function thoughtsOf({ thinks }: TemplateTexts, render: () => string): AnswerFormat['thoughts'] {
  if (!thinks) return 'none';
  try {
    return render().trimEnd().endsWith('<think>') ? 'begun' : 'tagged';
  } catch {
    return 'tagged';
  }
}

/** Never leaves out in silence what the model was to see. */
function checkTools({ messages, tools = [] }: Chat, { calls }: TemplateTexts): void {
  if (calls !== null) return;
  const reason = 'the chat template of the base model knows no tools, or writes calls in a way that is not known here';
  if (tools.length > 0) throw new AppError('unsupported_parameter', { param: 'tools', reason });
  const hasCalls = messages.some(({ role, toolCalls = [] }) => role === 'tool' || toolCalls.length > 0);
  if (hasCalls) throw new AppError('unsupported_parameter', { param: 'messages', reason });
}

function checkFlags({ flags = {} }: Chat, { names }: TemplateTexts): void {
  for (const name of Object.keys(flags)) {
    if (names.has(name) && !RESERVED.has(name)) continue;
    const reason = 'the chat template of the base model has no such switch';
    throw new AppError('unsupported_parameter', { param: `chat_template_kwargs.${name}`, reason });
  }
}

/** A repository with other files, as code models were trained on it, up to the name of the file to be filled in. */
function repository(files: readonly string[], { repo, file }: FimTokens): (number | string)[] {
  if (files.length === 0) return [];
  const marked = [...files, OWN_FILE].flatMap((text) => (file === null ? [text] : [file, text]));
  return repo === null ? marked : [repo, REPOSITORY, ...marked];
}

function infillMarksOf({ added_tokens: added }: TokenizerFile, fim: FimTokens | null): InfillMarks | null {
  if (fim === null) return null;
  const textOf = (id: number) => added.find((token) => token.id === id)?.content;
  const [prefix, suffix, middle] = [textOf(fim.prefix), textOf(fim.suffix), textOf(fim.middle)];
  return prefix && suffix && middle ? { prefix, suffix, middle } : null;
}

function boundsOf({ model, normalizer }: TokenizerFile, cutsHistory: boolean): Bounds {
  let characters = 1;
  let letters = 1;
  for (const token of Object.keys(model.vocab)) {
    characters = Math.max(characters, token.length);
    letters = Math.max(letters, token.match(/[A-Za-z]/g)?.length ?? 0);
  }
  return {
    charactersPerToken: normalizer === null ? characters : characters * MOST_COMPOSED,
    lettersPerToken: letters,
    cutsHistory,
  };
}
