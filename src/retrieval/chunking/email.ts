import PostalMime, { type Address, type Attachment } from 'postal-mime';
import { AppError } from '../../errors/app-error.js';
import { withoutInvisible } from './clean-text.js';
import type { ParsedBinary, ParsedText } from './document.js';
import { parseHtml } from './html.js';
import { type DocumentPart, joinDocuments } from './located-text.js';
import { parseText } from './text.js';
import { Unreadable } from './unreadable.js';

interface AttachedFile {
  readonly filename: string;
  readonly content: Uint8Array;
}

/** Further ones are named and not read. */
const MAX_ATTACHMENTS = 100;

/**
 * An e-mail: who wrote what to whom, the text (of its HTML, where it has no other), and the attachments that can be
 * read, each below its name; why another one cannot be read stands beside its name.
 * @param readAttachment throws with the reason where it cannot
 */
export async function parseEmail(
  content: Uint8Array,
  title: string,
  readAttachment: (file: AttachedFile) => Promise<ParsedBinary>,
): Promise<ParsedBinary> {
  const email = await PostalMime.parse(content);
  if (!email.from && !email.date && email.subject === undefined) throw new Unreadable('it has no headers of an e-mail');
  const subject = email.subject?.trim() || title;
  const attached: DocumentPart[] = [];
  const names: string[] = [];
  for (const [index, attachment] of email.attachments.entries()) {
    const filename = attachment.filename ?? `attachment ${index + 1}`;
    if (isDecoration(attachment)) continue;
    try {
      if (index >= MAX_ATTACHMENTS) throw new Error('there are too many');
      const document = await readAttachment({ filename, content: bytesOf(attachment) });
      attached.push({ headings: [subject, filename], document });
      names.push(filename);
    } catch (error) {
      const reason = error instanceof AppError ? error.params.reason : (error as Error).message;
      names.push(`${filename} (not read: ${reason})`);
    }
  }
  const head = [
    ['From', people(email.from ? [email.from] : [])],
    ['To', people(email.to)],
    ['Cc', people(email.cc)],
    ['Date', email.headers.find(({ key }) => key === 'date')?.value ?? ''],
    ['Attachments', names.join(', ')],
  ]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
  const text = withoutInvisible(email.text ?? '').trim();
  const body = text === '' ? parseHtml(email.html ?? '', subject) : parseText(text.replace(/\r\n?/g, '\n'), subject);
  return joinDocuments([
    { headings: [], document: nowhere(parseText(head, subject)) },
    { headings: [], document: nowhere(body) },
    ...attached,
  ]);
}

/** Its parts have no numbers that people know. */
function nowhere({ text, blocks }: ParsedText): ParsedBinary {
  return { text, blocks, locationOf: () => null };
}

/** Pictures that stand in the text. */
function isDecoration({ mimeType, related }: Attachment): boolean {
  return related === true && mimeType.startsWith('image/');
}

function bytesOf({ content }: Attachment): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
}

function people(addresses: readonly Address[] = []): string {
  return addresses
    .flatMap((address) => address.group ?? [address])
    .map(({ name, address }) => (name === '' || name === address ? address : `${name} <${address}>`))
    .join(', ');
}
