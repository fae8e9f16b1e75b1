/** Debian's FAQ in several languages: its sections have the same names in all of them, so that one question can be asked of each. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Retrieval } from '../../src/contracts/retrieval.js';

/** `en` is the original. */
export const FAQ_LANGUAGES = ['en', 'de', 'fr', 'ja', 'zh-cn'] as const;
export type FaqLanguage = (typeof FAQ_LANGUAGES)[number];

const TENANT = 'debian-faq';
const FOLDER = 'usr/share/doc/debian/FAQ';
const SECTIONS = /<h2 class="title"[^>]*><a id="([^"]+)"><\/a>(.*?)<\/h2>/gs;

export interface FaqQuestion {
  readonly language: FaqLanguage;
  readonly question: string;
  /** Anchor of the section that answers it. */
  readonly section: string;
}

interface Section {
  readonly page: string;
  readonly title: string;
}

export function faqQuestions(half: 'questions' | 'blind'): FaqQuestion[] {
  const lines = readFileSync(`indexes/debian-faq/${half}.jsonl`, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as FaqQuestion);
}

/** The pages, out of Debian's packages; kept in a folder. @throws Error where apt and dpkg cannot be had */
export function fetchFaq(folder: string): string {
  const pages = join(folder, FOLDER);
  if (existsSync(pages)) return pages;
  const temporary = `${folder}.part`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  const packages = FAQ_LANGUAGES.map((language) => (language === 'en' ? 'debian-faq' : `debian-faq-${language}`));
  execFileSync('apt-get', ['download', '-qq', ...packages], { cwd: temporary, stdio: ['ignore', 'ignore', 'pipe'] });
  for (const file of readdirSync(temporary)) execFileSync('dpkg-deb', ['-x', join(temporary, file), temporary]);
  renameSync(temporary, folder);
  return pages;
}

function pagesOf(pages: string, language: FaqLanguage): { readonly name: string; readonly content: string }[] {
  const folder = language === 'en' ? pages : join(pages, language);
  return readdirSync(folder)
    .filter((name) => name.endsWith(`.${language}.html`) && !name.startsWith('index.'))
    .map((name) => ({ name, content: readFileSync(join(folder, name), 'utf8') }));
}

export function sectionsOf(pages: string, language: FaqLanguage): Map<string, Section> {
  const sections = new Map<string, Section>();
  for (const { name, content } of pagesOf(pages, language)) {
    for (const [, anchor, title] of content.matchAll(SECTIONS)) {
      sections.set(anchor!, { page: name, title: title!.replace(/<[^>]+>/g, '') });
    }
  }
  return sections;
}

/** Whether a passage is of a section, by the number before its title: white space and quotes may have been tidied. */
export function isOf(
  { page, title }: Section,
  passage: { readonly filename: string; readonly headingPath: readonly string[] },
): boolean {
  const number = /^[\d.]+\d/.exec(title.trim())![0];
  return passage.filename === page && passage.headingPath.some((heading) => heading.startsWith(`${number}.`));
}

/** The stores by language; resolves when all can be searched. */
export async function addFaq(retrieval: Retrieval, pages: string): Promise<Map<FaqLanguage, string>> {
  const page = { limit: 100, after: null, order: 'asc' } as const;
  const known = (await retrieval.listStores(TENANT, page)).items;
  const stores = new Map<FaqLanguage, string>();
  for (const language of FAQ_LANGUAGES) {
    const there = known.find(({ name }) => name === language);
    const { id } = there ?? (await retrieval.createStore(TENANT, { name: language, metadata: {} }));
    stores.set(language, id);
    if (there) continue;
    for (const { name, content } of pagesOf(pages, language)) {
      const upload = { filename: name, purpose: 'assistants', content: Buffer.from(content) };
      const file = await retrieval.createFile(TENANT, upload);
      await retrieval.attachFile(TENANT, id, { fileId: file.id, attributes: {} });
    }
  }
  const isReading = async () => {
    const { items } = await retrieval.listStores(TENANT, page);
    return items.some(({ fileCounts }) => fileCounts.inProgress > 0);
  };
  while (await isReading()) await sleep(500);
  return stores;
}

export const FAQ_TENANT = TENANT;
