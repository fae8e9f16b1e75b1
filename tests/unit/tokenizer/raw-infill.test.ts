import t from 'tap';
import { readRawInfill } from '../../../src/tokenizer/raw-infill.js';

const MARKS = { prefix: '<pre>', suffix: '<suf>', middle: '<mid>' };

t.test('a prompt that writes the tokens itself says what is before the middle and what behind', async (t) => {
  t.same(readRawInfill('<pre>a\nb<suf>\nc<mid>', MARKS), { prefix: 'a\nb', suffix: '\nc' });
  t.same(readRawInfill('<pre><suf><mid>', MARKS), { prefix: '', suffix: '' });
});

t.test('any other order, and what is more than that, is taken as it stands', async (t) => {
  for (const text of [
    'a',
    '<pre>a<mid>',
    '<suf>b<pre>a<mid>',
    'x<pre>a<suf>b<mid>',
    '<pre>a<suf>b<mid>c',
    '<pre>a<suf>b<suf>c<mid>',
    '<pre>a<mid><suf>b<mid>',
    '<pre>a<suf><pre>b<mid>',
  ]) {
    t.equal(readRawInfill(text, MARKS), null, text);
  }
});
