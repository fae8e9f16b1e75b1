import { AppError } from '../../errors/app-error.js';

/** The parts of a `tokenizer.json` that turn token ids back into bytes. */
export interface TokenizerFile {
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly byte_fallback?: boolean };
  readonly decoder: { readonly type: string } | null;
}

/** The bytes of every token; special tokens have none, so they never show in an answer. */
export class Vocabulary {
  readonly #bytes: Uint8Array[] = [];
  readonly #specials = new Map<string, number>();
  /** Ids by the first byte. */
  readonly #byStart: number[][] = Array.from({ length: 256 }, () => []);

  /** @throws AppError `model_invalid` when the tokenizer is neither byte-level nor falls back to bytes */
  constructor(file: TokenizerFile) {
    const toBytes = byteReader(file);
    for (const [token, id] of Object.entries(file.model.vocab)) this.#bytes[id] = toBytes(token);
    for (const { id, content, special } of file.added_tokens) {
      if (special) this.#specials.set(content, id);
      this.#bytes[id] = special ? new Uint8Array(0) : new TextEncoder().encode(content);
    }
    for (const [id, bytes] of this.#bytes.entries()) if (bytes?.length) this.#byStart[bytes[0]!]!.push(id);
  }

  /** The bytes of those of the texts that are special tokens, by their ids. */
  specials(texts: readonly string[]): ReadonlyMap<number, Uint8Array> {
    const found = texts.filter((text) => this.#specials.has(text));
    return new Map(found.map((text) => [this.#specials.get(text)!, new TextEncoder().encode(text)]));
  }

  bytes(id: number): Uint8Array {
    return this.#bytes[id] ?? new Uint8Array(0);
  }

  /** The tokens that a text can begin with which begins with these bytes: parts of them, themselves, and what goes on. */
  spelling(text: Uint8Array): number[] {
    return this.#byStart[text[0]!]!.filter((id) => agree(this.#bytes[id]!, text));
  }

  /** Whether a token begins with these bytes. */
  canContinue(text: Uint8Array): boolean {
    return this.#byStart[text[0]!]!.some((id) => {
      const bytes = this.#bytes[id]!;
      return bytes.length >= text.length && agree(bytes, text);
    });
  }
}

/** As far as the shorter one goes. */
function agree(a: Uint8Array, b: Uint8Array): boolean {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return false;
  return true;
}

function byteReader(file: TokenizerFile): (token: string) => Uint8Array {
  if (file.decoder?.type === 'ByteLevel') {
    const byteOf = byteLevelAlphabet();
    return (token) => Uint8Array.from(token, (character) => byteOf.get(character) ?? 0x3f);
  }
  if (file.model.byte_fallback) {
    return (token) => {
      const byte = /^<0x([0-9A-F]{2})>$/.exec(token);
      return byte
        ? Uint8Array.of(Number.parseInt(byte[1]!, 16))
        : new TextEncoder().encode(token.replaceAll('\u2581', ' '));
    };
  }
  throw new AppError('model_invalid', {
    file: 'tokenizer.json',
    reason: `its decoder ${file.decoder?.type ?? 'null'} is neither byte-level nor falls back to bytes`,
  });
}

/**
 * GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 characters stand for themselves, the others are
 * numbered from U+0100 on (Radford et al. 2019, `bytes_to_unicode`).
 */
function byteLevelAlphabet(): Map<string, number> {
  const alphabet = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    alphabet.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return alphabet;
}
