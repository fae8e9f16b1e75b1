import { createHash } from 'node:crypto';
import type { StickyUnit } from '../contracts/routing.js';

export const stickyUnit: StickyUnit = (hints) => {
  const named =
    hints.user || hints.safetyIdentifier || hints.promptCacheKey || hints.conversationId || hints.conversationHeader;
  if (named) return `named:${named}`;
  const message = createHash('sha256').update(hints.firstUserMessage).digest('hex');
  return `message:${hints.keyId}:${message}`;
};
