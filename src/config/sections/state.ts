/** Where the rest is kept. */

import { Type } from 'typebox';
import { closed, integer, MiB, postgresUrl, shaped } from './values.js';

export const registry = Type.Object(
  {
    url: postgresUrl(
      'PostgreSQL 16 or newer in which several gateways share tenants, keys, adapters, deployments and records, as postgres://role:password@host:port/database; empty: they are kept in dataDir, for this gateway alone.',
    ),
    urlFile: Type.String({
      description: 'File that holds registry.url, for instance a mounted secret; empty for none.',
      default: '',
    }),
    aheadBytes: integer(
      'Bytes of adapters that a gateway with registry.url fetches before they are asked for: of the deployments that changed last, what they answer with. All others come with their first question. 0: none is fetched ahead.',
      4096 * MiB,
      0,
      1024 * 1024 * MiB,
    ),
  },
  { ...closed, default: {} },
);

export const backup = Type.Object(
  {
    folder: Type.String({
      description:
        'Folder outside of dataDir, on another disk at best, in which backups are made on a schedule, each in a folder of its own; empty: none are.',
      default: '',
    }),
    everyMinutes: integer('Pause between two backups, in minutes.', 1440, 1, 10_080),
    keep: integer('Backups that are kept, here and in the store; the oldest go first.', 7, 1, 10_000),
    s3Url: shaped(
      'Bucket of an S3-compatible store that each backup is copied to, as https://host/bucket or https://host/bucket/prefix; empty: none.',
      '^(https?://[^/?#]+/[^/?#]+[^?#]*)?$',
      'a URL like https://host/bucket, or an empty text',
    ),
    s3Region: Type.String({ description: 'Its region.', default: 'us-east-1', minLength: 1 }),
    s3AccessKeyId: Type.String({
      description: 'Id of the key that may read, write and delete there.',
      default: '',
    }),
    s3SecretKeyFile: Type.String({
      description: 'File that holds the secret of that key, for instance a mounted secret.',
      default: '',
    }),
  },
  { ...closed, default: {} },
);
