import { createHash } from 'node:crypto';
import type { TrainingExample } from '../contracts/registry.js';
import type { Scrub } from '../personal-data/scrub.js';

/**
 * Lines of a file in the shape of OpenAI's chat fine-tuning, with where each example comes from. Personal data is blanked
 * out, and of examples that say the same the first stands for all.
 */
export async function* exportExamples(
  tenant: string,
  examples: AsyncIterable<TrainingExample>,
  scrub: Scrub,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>();
  for await (const { messages, answer, ...source } of examples) {
    const all = [...messages, { role: 'assistant', content: answer }];
    const { texts } = await scrub(
      tenant,
      all.map(({ content }) => content),
      signal,
    );
    const scrubbed = all.map(({ role }, index) => ({ role, content: texts[index]! }));
    const digest = digestOf(scrubbed);
    if (seen.has(digest)) continue;
    seen.add(digest);
    yield `${JSON.stringify({ messages: scrubbed, metadata: toMetadata(source) })}\n`;
  }
}

/** Case and white space make no other example. */
function digestOf(messages: readonly { readonly role: string; readonly content: string }[]): string {
  const plain = messages.map(({ role, content }) => [role, content.toLowerCase().replace(/\s+/g, ' ').trim()]);
  return createHash('sha256').update(JSON.stringify(plain)).digest('base64');
}

function toMetadata(source: Omit<TrainingExample, 'messages' | 'answer'>) {
  return {
    answer_id: source.answerId,
    deployment: source.deployment,
    adapter: source.adapter,
    adapter_digest: source.adapterDigest,
    documents: source.documents,
    author: source.author,
    reviewer: source.reviewer,
    labels: source.labels,
    label_schema: source.labelSchema,
    consent: 'tenant',
    created: Math.floor(source.createdAt / 1000),
  };
}
