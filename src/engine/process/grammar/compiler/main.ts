/**
 * Compiles grammars for the engine process, which forks it (compiler.ts). What somebody asks for may take any time and
 * memory; both are limited from outside.
 */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../../../errors/app-error.js';
import { sendToParent, serveParent } from '../../../../processes/child.js';
import { compileGrammar } from '../../../grammar/compile.js';
import { Vocabulary } from '../../vocabulary.js';
import { buildTrie } from '../trie.js';
import type { FromCompiler, ToCompiler } from './protocol.js';

serveParent((message: ToCompiler) => {
  if (message.type === 'compile') sendToParent<FromCompiler>(answerTo(message));
  else void sendTrie(message);
});

async function sendTrie({ tokenizerFile, vocabSize }: Extract<ToCompiler, { type: 'trie' }>): Promise<void> {
  const vocabulary = new Vocabulary(JSON.parse(await readFile(tokenizerFile, 'utf8')));
  sendToParent<FromCompiler>({ type: 'trie', trie: buildTrie(vocabSize, (token) => vocabulary.bytes(token)) });
}

function answerTo({ spec }: Extract<ToCompiler, { type: 'compile' }>): FromCompiler {
  try {
    return { type: 'compiled', program: compileGrammar(spec) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { type: 'refused', error: error.toMessage() };
  }
}
