import t from 'tap';
import { stem } from '../../../src/words/stem.js';
import { termsOf } from '../../../src/words/terms.js';

t.test('a name gives its words and itself, however its words are joined', async (t) => {
  for (const name of [
    'keepAliveTimeout',
    'KeepAliveTimeout',
    'keep_alive_timeout',
    'KEEP_ALIVE_TIMEOUT',
    'keep-alive-timeout',
  ]) {
    t.same(termsOf(name), ['keep', 'aliv', 'timeout', 'keepalivetimeout'], name);
  }
  t.same(termsOf('parseHTTPHeaders'), ['pars', 'http', 'header', 'parsehttpheaders']);
  t.same(termsOf('base64'), ['bas', '64', 'base64']);
  t.same(termsOf('reply.raw'), ['reply', 'raw'].map(stem));
  t.same(termsOf('FST_ERR_CTP_BODY_TOO_LARGE').at(-1), 'fsterrctpbodytoolarge');
});

t.test('plurals of abbreviations are no words of their own', async (t) => {
  t.same(termsOf('URLs and IDs'), ['url', 'id']);
});

t.test('inflected words have one stem', async (t) => {
  for (const words of [
    ['cache', 'caches', 'cached', 'caching'],
    ['retry', 'retries', 'retried'],
    ['stop', 'stops', 'stopped', 'stopping'],
    ['address', 'addresses'],
    ['configure', 'configured', 'configuration'],
  ]) {
    t.equal(new Set(words.map(stem)).size, 1, words.join(' '));
  }
  for (const word of ['status', 'header', 'ring', 'red', 'key', 'less', 'ümläut', '64']) t.equal(stem(word), word);
});

t.test('case and accents make no difference, and words that only build sentences are left out', async (t) => {
  t.same(termsOf('What is the CAFÉ’s Überweisung?'), ['cafe', 's', 'uberweisung'].map(stem));
});

t.test('what is written without spaces gives pairs of characters', async (t) => {
  t.same(termsOf('请求体上限'), ['请求', '求体', '体上', '上限']);
  t.same(termsOf('体'), ['体']);
  t.same(
    termsOf('最大64字节').filter((term) => term.length === 2),
    ['最大', '64', '字节'],
  );
});

t.test('what nobody would type is left out', async (t) => {
  t.same(termsOf('a'.repeat(65)), []);
  t.same(termsOf('...  --- ___ $'), []);
});
