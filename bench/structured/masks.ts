import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compileGrammar } from '../../src/engine/grammar/compile.js';
import { Machine, type Place } from '../../src/engine/process/grammar/machine.js';
import { Masks } from '../../src/engine/process/grammar/masks.js';
import { buildTrie, longestToken } from '../../src/engine/process/grammar/trie.js';
import { Vocabulary } from '../../src/engine/process/vocabulary.js';
import type { Schema } from '../../tests/fixtures/grammar/schemas.js';
import { schemaSpec } from '../../tests/fixtures/grammar/walk.js';
import { quantile } from '../engine/driver.js';

/** Vocabularies by name: the small one, and that of the samples' base. */
const MODELS = { smollm2: 'smollm2-135m-instruct', qwen: 'qwen2.5-coder-0.5b-instruct' };

/**
 * What a mask takes at every token of these answers, and what compiling their schemas takes: every schema anew, so that
 * nothing but what all grammars share is known before.
 */
export async function maskFigures(
  answers: readonly { readonly schema: Schema; readonly text: string | null }[],
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [name, model] of Object.entries(MODELS)) {
    const folder = path.resolve('.switchyard/models', model);
    if (!existsSync(folder)) continue;
    const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
    const { vocabSize } = read('manifest.json').shape;
    const vocabulary = new Vocabulary(read('tokenizer.json'));
    const trie = buildTrie(vocabSize, (token) => vocabulary.bytes(token));
    const masks = new Masks(trie, []);
    const compileMs: number[] = [];
    const maskMs: number[] = [];
    const timed = <T>(into: number[], work: () => T): T => {
      const startedMs = performance.now();
      const result = work();
      into.push(performance.now() - startedMs);
      return result;
    };
    for (const { schema, text } of answers) {
      if (text === null) continue;
      const machine = timed(compileMs, () => new Machine(compileGrammar(schemaSpec(schema))));
      const bytes = [...Buffer.from(text)];
      let place: Place = machine.start;
      for (let at = 0; at < bytes.length; ) {
        timed(maskMs, () => masks.of(machine, place));
        const end = at + Math.max(1, trie.depths[longestToken(trie, bytes, at)]!);
        for (; at < end; at++) place = machine.step(place, bytes[at]!)!;
      }
    }
    figures[`compile_${name}_p95_ms`] = quantile(compileMs, 0.95);
    figures[`mask_${name}_p50_ms`] = quantile(maskMs, 0.5);
    figures[`mask_${name}_p95_ms`] = quantile(maskMs, 0.95);
    figures[`mask_${name}_p99_ms`] = quantile(maskMs, 0.99);
  }
  return figures;
}
