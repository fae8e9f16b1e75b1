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
  /** null: nothing is screened. */
  readonly policy: {
    readonly name: string;
    /** Of the rules, below `indexes/policies`. */
    readonly file: string;
    /** Whose cosines and probabilities its thresholds are: with another one nobody knows what they would refuse. */
    readonly embedder: string;
  } | null;
  /** Folders of Markdown files; a document is called by its path below the folder, after the prefix. */
  readonly documents: readonly {
    /** The installed package that the folder is of; null: the repository. */
    readonly package: string | null;
    readonly folder: string;
    readonly prefix: string;
  }[];
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
      policy: { name: 'bank', file: 'northwind-bank.json', embedder: 'bge-small-en-v1.5-qa' },
      documents: [{ package: null, folder: 'indexes/northwind-bank', prefix: '' }],
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
      sampleQuestion: 'What is bodyLimit in Fastify, and what is its default?',
      retrieval: RETRIEVAL,
      policy: null,
      documents: ['fastify', 'undici', 'pino'].map((name) => ({ package: name, folder: 'docs', prefix: name })),
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
