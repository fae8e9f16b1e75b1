import { existsSync } from 'node:fs';
import path from 'node:path';
import { decodeText } from '../../files/decode-text.js';
import { readRegularFile } from '../../files/regular-file.js';
import { findFim, type ImportedTokenizer } from '../decoder/imported-tokenizer.js';
import { chatTemplate, tokenText, writeTokenizerConfig } from '../decoder/tokenizer-config.js';
import { JsonFile } from '../files/json-file.js';

/** Takes `tokenizer.json` and its configuration along, with the chat template that newer folders keep in a file. */
export function tokenizerFromFolder(folder: string): ImportedTokenizer {
  const tokenizer = new JsonFile(path.join(folder, 'tokenizer.json'));
  const config = new JsonFile(path.join(folder, 'tokenizer_config.json'));
  const model = new JsonFile(path.join(folder, 'config.json'));
  const vocabulary = new Map<string, number>();
  for (const [token, id] of Object.entries(new JsonFile(tokenizer.path, tokenizer.object('model')).object('vocab'))) {
    if (typeof id === 'number') vocabulary.set(token, id);
  }
  const added = tokenizer.values.added_tokens;
  for (const { content, id } of Array.isArray(added) ? (added as { content: string; id: number }[]) : []) {
    vocabulary.set(content, id);
  }
  const templateFile = path.join(folder, 'chat_template.jinja');
  const template = existsSync(templateFile) ? decodeText(readRegularFile(templateFile)) : config.values.chat_template;
  const bos = tokenText(config.values.bos_token);
  return {
    tokenizerJson: JSON.stringify(tokenizer.values),
    configJson: writeTokenizerConfig(
      config.values,
      chatTemplate(template, (reason) => config.invalid(reason)),
    ),
    bosId: config.flag('add_bos_token', false) && bos !== null ? (vocabulary.get(bos) ?? null) : null,
    eosIds: eosIds(folder, model, vocabulary.get(tokenText(config.values.eos_token) ?? '')),
    fim: findFim(vocabulary),
  };
}

/** Ends of an answer: what generation_config.json lists, config.json's, and the tokenizer's own. */
function eosIds(folder: string, model: JsonFile, own: number | undefined): number[] {
  const file = path.join(folder, 'generation_config.json');
  const listed = existsSync(file) ? new JsonFile(file).values.eos_token_id : undefined;
  const ids = [listed, model.values.eos_token_id, own].flat();
  return [...new Set(ids.filter((id) => typeof id === 'number'))];
}
