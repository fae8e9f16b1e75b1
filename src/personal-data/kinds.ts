/** What counts as personal data: where it may stand, and what tells it from other text of the same shape. */
import type { EntityKind } from '../contracts/entities.js';

/** What has no shape, and is found by a model where one is configured (`models.ner`). */
export const ENTITY_KINDS: readonly EntityKind[] = ['name', 'address'];

/** What has one, and is found by patterns. */
export const PERSONAL_KINDS = [
  'email',
  'iban',
  'card',
  'us_ssn',
  'uk_nino',
  'uk_nhs',
  'es_dni',
  'api_key',
  'phone',
] as const;
export type PersonalKind = (typeof PERSONAL_KINDS)[number];

export interface KindOfData {
  /** RE2 syntax, without groups: a whole candidate. */
  readonly pattern: string;
  /** Checksums, ranges and lengths that the pattern cannot say. */
  readonly isOne: (candidate: string) => boolean;
}

/** A sign of a number or word before or behind a candidate makes it part of something longer. */
const word = (pattern: string) => String.raw`\b(?:${pattern})\b`;
const always = () => true;

export const KINDS: Readonly<Record<PersonalKind, KindOfData>> = {
  /** RFC 5321 has more; nobody is written to there. */
  email: {
    pattern: String.raw`\b[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b`,
    isOne: always,
  },
  /** ISO 13616. */
  iban: {
    pattern: word('[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}'),
    isOne: (candidate) => isIban(candidate.replaceAll(' ', '')),
  },
  /** ISO/IEC 7812. */
  card: {
    pattern: word('[2-6][0-9](?:[ -]?[0-9]){11,17}'),
    isOne: (candidate) => passesLuhn(digitsOf(candidate)),
  },
  us_ssn: {
    pattern: word('[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}'),
    isOne: (candidate) => !/^(000|666)|-00-|-0000$/.test(candidate),
  },
  uk_nino: {
    pattern: word('[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]'),
    isOne: (candidate) => !/^(BG|GB|KN|NK|NT|TN|ZZ)/.test(candidate),
  },
  /** Ten digits, modulus 11. */
  uk_nhs: {
    pattern: word('[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}'),
    isOne: (candidate) => isNhsNumber(digitsOf(candidate)),
  },
  es_dni: {
    pattern: word('[0-9]{8}-?[A-HJ-NP-TV-Z]'),
    isOne: (candidate) => 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digitsOf(candidate)) % 23] === candidate.at(-1),
  },
  /** As those who give them out begin them. */
  api_key: {
    pattern: String.raw`\b(?:sk-(?:proj-|ant-)?[A-Za-z0-9_-]{16,200}|gh[pousr]_[A-Za-z0-9]{36,100}|AKIA[A-Z0-9]{16}|xox[abprs]-[A-Za-z0-9-]{10,100}|AIza[A-Za-z0-9_-]{35}|glpat-[A-Za-z0-9_-]{20,60})`,
    isOne: always,
  },
  /** International with a plus, or national as people group it, 0 at the start or an area code in brackets. */
  phone: {
    pattern: String.raw`(?:\+\d{1,3}|\b0\d|\(\d{2,5}\))(?:[ .()/-]{0,2}\d){6,12}\b`,
    isOne: (candidate) => digitsOf(candidate).length >= 9 && digitsOf(candidate).length <= 15,
  },
};

function digitsOf(text: string): string {
  return text.replace(/\D/g, '');
}

/** ISO 7064, modulus 97 over letters as numbers; the check digits come last. */
function isIban(text: string): boolean {
  if (text.length < 15 || text.length > 34) return false;
  const moved = `${text.slice(4)}${text.slice(0, 4)}`;
  let rest = 0;
  for (const sign of moved) {
    const value = Number.parseInt(sign, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

function passesLuhn(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits.at(-1 - i));
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function isNhsNumber(digits: string): boolean {
  const sum = [...digits.slice(0, 9)].reduce((total, digit, index) => total + Number(digit) * (10 - index), 0);
  const check = (11 - (sum % 11)) % 11;
  return check < 10 && check === Number(digits[9]);
}
