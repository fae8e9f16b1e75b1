/**
 * `npx tsx bench/safety/fit-injection.ts`: trains the head that tells prompt injections, and writes
 * src/safety/injection-head.ts. Takes some minutes, most of them for embedding 15,000 texts.
 */
import { readInjections } from './dataset.js';
import { openEmbedder } from './embedder.js';
import { writeHead } from './head-file.js';
import { everyOther, harmlessTalk, samplePieces, sampleQuestions } from './ordinary.js';
import { type Example, trainHead } from './train-head.js';

const SEED = 1;
const QUESTION_SETS = ['eval', 'everyday', 'labelled', 'reworded'];
/** There are few of them, and each stands for many. */
const TALK_WEIGHT = 4;

/**
 * Pieces of the sample documents and questions about them: 44 % of the pieces pass for injections where the head never saw
 * how documentation commands its readers, and 5 % where it saw the other half.
 */
const { id, corpusDir, embed } = await openEmbedder();
const labelled = await readInjections(corpusDir, 'train');
const samples = [...everyOther(samplePieces(), 0), ...everyOther(sampleQuestions(QUESTION_SETS), 0)];
// Threats, insults and hurry are far from both corpora, and every text far from them looked like an injection.
const talk = everyOther(harmlessTalk(), 0).map(({ text }) => text);
const vectors = await embed([...labelled.map(({ text }) => text), ...samples, ...talk]);
const examples = vectors.map(
  (vector, index): Example => ({
    vector,
    isPositive: labelled[index]?.isInjection ?? false,
    weight: index < labelled.length + samples.length ? 1 : TALK_WEIGHT,
  }),
);
writeHead(id, trainHead(examples, SEED));
