/** What happens around answers. */

import { Type } from 'typebox';
import { closed, integer, KiB, MiB } from './values.js';

export const rollouts = Type.Object(
  {
    lookEveryMs: integer(
      'Pause between two looks at the rollouts that are under way, in milliseconds: how soon a worse version is rolled back.',
      30_000,
      100,
      3_600_000,
    ),
    maxShadows: integer(
      'Questions that canaries answer again at once, seen by nobody, for `shadowWeight`; further ones are left out, and counted.',
      2,
      0,
      1000,
    ),
  },
  { ...closed, default: {} },
);

export const quality = Type.Object(
  {
    maxWaiting: integer('Answers that may wait to be judged; further ones are left out, and counted.', 256, 0, 100_000),
    maxWaitingBytes: integer('Bytes of the texts of the answers that wait to be judged.', 16 * MiB, 0, 1024 * MiB),
    retentionDays: integer(
      'Days for which the records of answers are kept, where the tenant has no limit of its own.',
      90,
      1,
      3650,
    ),
    maxAnswers: integer(
      'Records of answers kept for one tenant, where it has no limit of its own; the oldest go first.',
      1_000_000,
      1,
      1_000_000_000,
    ),
    baselineDays: integer(
      'Days after which the next 1,000 judged answers become what drift of a deployment is measured against; 0: what was first stays until it is reset.',
      0,
      0,
      3650,
    ),
    captureDays: integer(
      'Days for which captured texts are kept, where a tenant asks for them and has no limit of its own; never longer than the records of their answers.',
      30,
      1,
      3650,
    ),
    maxCaptures: integer(
      'Answers of one tenant whose texts are kept at once; the oldest go first.',
      10_000,
      1,
      10_000_000,
    ),
  },
  { ...closed, default: {} },
);

export const responses = Type.Object(
  {
    retentionDays: integer(
      'Days for which the texts of /v1/responses are kept; a tenant that keeps its records for a shorter time keeps these no longer either.',
      30,
      1,
      3650,
    ),
  },
  { ...closed, default: {} },
);

export const tools = Type.Object(
  {
    allowedHosts: Type.String({
      description:
        'Hosts that functions of tenants may be at, with commas between, e.g. stock.example.com,*.apis.example.com; empty: none.',
      default: '',
    }),
    privateAddresses: Type.Boolean({
      description:
        'Whether these hosts may have addresses of a private network, and answer without TLS. Only where nobody else writes addresses of functions.',
      default: false,
    }),
    maxResponseBytes: integer('Longest answer of a function, in bytes.', 16 * KiB, 1, MiB),
    maxRounds: integer('Rounds of calls within one answer.', 4, 1, 32),
  },
  { ...closed, default: {} },
);

export const webhooks = Type.Object(
  {
    allowedHosts: Type.String({
      description:
        'Hosts that webhooks of tenants may be at, with commas between, e.g. ci.example.com,*.hooks.example.com; *: any; empty: none.',
      default: '',
    }),
    privateAddresses: Type.Boolean({
      description:
        'Whether these hosts may have addresses of a private network, and answer without TLS. Only where nobody else writes addresses of webhooks.',
      default: false,
    }),
    timeoutMs: integer('Time for an answer, in milliseconds.', 10_000, 100, 60_000),
    maxAttempts: integer(
      'Attempts to tell a webhook of one change, with pauses that grow to a minute; then it is given up.',
      60,
      1,
      10_000,
    ),
  },
  { ...closed, default: {} },
);
