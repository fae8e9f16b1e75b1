import { createHash } from 'node:crypto';
import type { TrainingExample } from '../contracts/registry.js';

/**
 * What tells who somebody is, and what stands for it. Numbers of cards and accounts are looked for first: a telephone number
 * is whatever else has so many digits.
 */
const PERSONAL: readonly (readonly [RegExp, string])[] = [
  [/[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu, '[email]'],
  [/\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/g, '[account]'],
  [/\b(?:\d[ -]?){12,18}\d\b/g, '[card]'],
  [/(?<![\d.,£€$])(?:\+\d{1,3}[ -]?)?\(?\d{2,5}\)?(?:[ -]\d{2,5}){1,4}(?![\d%])/g, '[phone]'],
];

/**
 * Lines of a file in the shape of OpenAI's chat fine-tuning, with where each example comes from. Personal data is blanked
 * out, and of examples that say the same the first stands for all.
 */
export async function* exportExamples(
  examples: AsyncIterable<TrainingExample>,
): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>();
  for await (const { messages, answer, ...source } of examples) {
    const scrubbed = [...messages, { role: 'assistant', content: answer }].map(({ role, content }) => ({
      role,
      content: withoutPersonal(content),
    }));
    const digest = digestOf(scrubbed);
    if (seen.has(digest)) continue;
    seen.add(digest);
    yield `${JSON.stringify({ messages: scrubbed, metadata: toMetadata(source) })}\n`;
  }
}

function withoutPersonal(text: string): string {
  return PERSONAL.reduce((scrubbed, [pattern, name]) => scrubbed.replace(pattern, name), text);
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
