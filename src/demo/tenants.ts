import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { RetrievalPolicy, Scope } from '../contracts/registry.js';

/** The samples that `npm start` serves. */
export interface DemoTenant {
  readonly id: string;
  readonly name: string;
  readonly secret: string;
  readonly scopes: readonly Scope[];
  readonly assistant: DemoAssistant | null;
}

/** The deployment `assistant` and what it answers from. */
export interface DemoAssistant {
  /** Adapter versions 1, 2, … in folders of these names below `adapters/<base model>`; the first is stable, the second canary. */
  readonly adapters: readonly string[];
  readonly instructions: string;
  /** Something to ask first. */
  readonly sampleQuestion: string;
  readonly retrieval: RetrievalPolicy;
  /** Folders of Markdown files, from the root of the repository or absolute; a document is called by its path below the folder, after the prefix. */
  readonly documents: readonly { readonly folder: string; readonly prefix: string }[];
}

/** The least score keeps what is about something else away, and right passages of questions in other words (docs/decisions/0032-query-map.md). */
const RETRIEVAL: RetrievalPolicy = { enabled: true, topK: 4, minScore: 0.02, budgetTokens: 840 };
const TENANT_SCOPES: readonly Scope[] = ['inference', 'documents', 'route'];

export const DEMO_TENANTS: readonly DemoTenant[] = [
  {
    id: 'northwind-bank',
    name: 'Northwind Bank',
    secret: 'sk-demo-northwind-bank',
    scopes: TENANT_SCOPES,
    assistant: {
      adapters: ['northwind-bank-1', 'northwind-bank-2'],
      instructions: 'You are the support assistant of Northwind Bank.',
      sampleQuestion: 'What is the early repayment charge of a two-year fix?',
      retrieval: RETRIEVAL,
      documents: [{ folder: 'indexes/northwind-bank', prefix: '' }],
    },
  },
  {
    id: 'copilot',
    name: 'Copilot',
    secret: 'sk-demo-copilot',
    scopes: TENANT_SCOPES,
    assistant: {
      adapters: ['copilot-1'],
      instructions: 'You are a coding assistant for Fastify, Undici and Pino.',
      sampleQuestion: 'What is the default body limit in Fastify?',
      retrieval: RETRIEVAL,
      documents: ['fastify', 'undici', 'pino'].map((name) => ({ folder: docsOf(name), prefix: name })),
    },
  },
  {
    id: 'admin',
    name: 'Administration',
    secret: 'sk-demo-admin',
    scopes: [...TENANT_SCOPES, 'admin'],
    assistant: null,
  },
];

/** Of an installed package, wherever it was put: beside this one where this one is a dependency itself. */
function docsOf(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'docs');
}
