import { createHash } from 'node:crypto';
import type { StickyUnit } from '../contracts/routing.js';

export const stickyUnit: StickyUnit = (hints) => {
  const named = hints.conversationHeader || hints.conversationId || hints.user || hints.safetyIdentifier;
  if (named) return `named:${named}`;
  const message = createHash('sha256').update(hints.firstUserMessage).digest('hex');
  return `message:${hints.keyId}:${message}`;
};
