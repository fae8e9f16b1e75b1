/** Questions in other languages than the documents', and documents in other languages than English. */
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.js';
import type { Retrieval } from '../../src/contracts/retrieval.js';
import { sampleVectorsFile } from '../../src/demo/documents.js';
import { readDataset } from '../../src/evaluation/dataset.js';
import { pullModel } from '../../src/model-import/models.js';
import { addFaq, FAQ_LANGUAGES, FAQ_TENANT, faqQuestions, fetchFaq, isOf, sectionsOf } from './debian-faq.js';
import { ask, recall } from './recall.js';
import { addSamples, openRetrieval, samplesFolder, TENANTS } from './samples.js';

const DEEPEST = 5;

interface Asked {
  readonly embedder: string;
  readonly half: 'development' | 'blind';
  readonly quick: boolean;
}

/** By an embedder of the catalogue, whatever is configured. */
export async function measureLanguages(
  { dataDir, models, ...rest }: Config,
  { embedder, half, quick }: Asked,
): Promise<Record<string, number>> {
  await pullModel(embedder, dataDir);
  const config = { ...rest, dataDir, models: { ...models, embedder } };
  const retrieval = await openRetrieval(config, samplesFolder(config), sampleVectorsFile(embedder));
  try {
    await addSamples(retrieval);
    return { ...(await askSamples(retrieval, half, quick)), ...(await askFaq(retrieval, config, half, quick)) };
  } finally {
    await retrieval.close();
  }
}

/** de, fr and es, about documents in English. */
async function askSamples(retrieval: Retrieval, half: Asked['half'], quick: boolean) {
  const set = half === 'blind' ? 'languages-blind' : 'languages';
  const asked = [];
  for (const tenant of TENANTS) {
    const questions = readDataset(`indexes/${tenant}/${set}.jsonl`).filter((_, n) => !quick || n % 8 === 0);
    for (const question of questions) asked.push(await ask(retrieval, tenant, { question, before: [] }, 'hybrid'));
  }
  return {
    cross_lingual_at_1: recall(asked, 1),
    cross_lingual_at_3: recall(asked, 3),
    cross_lingual_at_5: recall(asked, 5),
  };
}

/** de, fr, ja and zh, about the same pages in that language and in English. */
async function askFaq(retrieval: Retrieval, config: Config, half: Asked['half'], quick: boolean) {
  const pages = fetchFaq(join(config.dataDir, 'bench', 'debian-faq'));
  const stores = await addFaq(retrieval, pages);
  const questions = faqQuestions(half === 'blind' ? 'blind' : 'questions').filter((_, n) => !quick || n % 8 === 0);
  const sections = new Map(FAQ_LANGUAGES.map((language) => [language, sectionsOf(pages, language)]));
  const shareFound = async (of: 'own' | 'en') => {
    let found = 0;
    for (const { question, language, section } of questions) {
      const documents = of === 'own' ? language : of;
      const request = {
        tenant: FAQ_TENANT,
        storeIds: [stores.get(documents)!],
        groups: [],
        query: question,
        context: '',
        mode: 'hybrid',
        filter: null,
        topK: DEEPEST,
        minScore: 0,
      } as const;
      const { passages } = await retrieval.search(request, new AbortController().signal);
      const right = sections.get(documents)!.get(section)!;
      found += Number(passages.some((passage) => isOf(right, passage)));
    }
    return found / questions.length;
  };
  return { faq_same_language_at_5: await shareFound('own'), faq_english_at_5: await shareFound('en') };
}
