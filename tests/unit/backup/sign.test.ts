/** The examples of Amazon's documentation, "Signature Calculations for the Authorization Header", with their signatures. */
import t from 'tap';
import { NO_BODY, signed } from '../../../src/backup/sign.js';

const CREDENTIALS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
};
const HOST = 'https://examplebucket.s3.amazonaws.com';
const AT = Date.UTC(2013, 4, 24);

const signatureOf = (method: string, path: string, headers: Record<string, string>, bodySha256 = NO_BODY) =>
  /Signature=(\w+)$/.exec(
    signed({ method, url: new URL(path, HOST), headers, bodySha256 }, CREDENTIALS, AT).authorization!,
  )?.[1];

t.test('requests are signed as the protocol says', async (t) => {
  t.equal(
    signatureOf('GET', '/test.txt', { range: 'bytes=0-9' }),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
  t.equal(
    signatureOf(
      'PUT',
      '/test$file.text',
      { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    ),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  );
  t.equal(
    signatureOf('GET', '/?max-keys=2&prefix=J', {}),
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  );
});
