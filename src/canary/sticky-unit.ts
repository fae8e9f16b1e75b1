import { hash } from 'node:crypto';
import type { StickyUnit } from '../contracts/routing.js';

export const stickyUnit: StickyUnit = (hints) => {
  const named = hints.conversationHeader || hints.conversationId || hints.user || hints.safetyIdentifier;
  if (named) return `named:${named}`;
  return `message:${hints.keyId}:${hash('sha256', hints.firstUserMessage, 'hex')}`;
};
