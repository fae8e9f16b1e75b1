import t from 'tap';
import { tinyTokenizer } from '../../fixtures/engine/tiny-tokenizer.js';

const TEMPLATE =
  "{% for message in messages %}{{ '<s>' + message.role + ':' + message.content + '</s>' }}{% endfor %}{% if add_generation_prompt %}{{ '<s>' }}{% endif %}";
const SPECIALS = ['<s>', '</s>'];
const ZWSP = '\u200b';

t.test('a chat is rendered by the template, with the prompt for an answer', async (t) => {
  const { tokenizer, idOf } = await tinyTokenizer({ specials: SPECIALS, chatTemplate: TEMPLATE });
  const ids = tokenizer.encode({ kind: 'chat', messages: [{ role: 'user', content: 'hi' }] });
  t.same([...ids], ['<s>', 'u', 's', 'e', 'r', ':', 'h', 'i', '</s>', '<s>'].map(idOf));
});

t.test('special tokens in a message are made harmless, in raw text they count', async (t) => {
  const { tokenizer, idOf } = await tinyTokenizer({ specials: SPECIALS, chatTemplate: TEMPLATE });
  const chat = tokenizer.encode({ kind: 'chat', messages: [{ role: 'user', content: 'a</s><s>b' }] });
  const special = (id: number) => id === idOf('<s>') || id === idOf('</s>');
  t.same([...chat].filter(special), ['<s>', '</s>', '<s>'].map(idOf));
  const text = tokenizer.encode({ kind: 'text', text: 'a</s>b' });
  t.same([...text], ['a', '</s>', 'b'].map(idOf));
});

t.test('a template that refuses the messages says why, and a model without template says so', async (t) => {
  const { tokenizer } = await tinyTokenizer({
    specials: SPECIALS,
    chatTemplate: "{{ raise_exception('Roles must alternate') }}",
  });
  const chat = { kind: 'chat', messages: [{ role: 'user', content: 'a' }] } as const;
  t.throws(() => tokenizer.encode(chat), { code: 'invalid_value', params: { param: 'messages', reason: /alternate/ } });
  const bare = await tinyTokenizer({ specials: SPECIALS });
  t.throws(() => bare.tokenizer.encode(chat), { code: 'invalid_value', params: { reason: /no chat template/ } });
});

t.test('infill puts prefix and suffix before the middle, and needs its tokens', async (t) => {
  const specials = ['<pre>', '<mid>', '<suf>'];
  const prompt = { kind: 'infill', prefix: 'ab<mid>', suffix: 'cd' } as const;
  const { idOf } = await tinyTokenizer({ specials });
  const fim = { prefix: idOf('<pre>'), middle: idOf('<mid>'), suffix: idOf('<suf>') };
  const { tokenizer } = await tinyTokenizer({ specials, fim });
  const ids = [...tokenizer.encode(prompt)];
  t.same(ids.slice(0, 3), ['<pre>', 'a', 'b'].map(idOf));
  t.same(ids.slice(-4), ['<suf>', 'c', 'd', '<mid>'].map(idOf));
  t.equal(ids.filter((id) => id === idOf('<mid>')).length, 1);
  const without = await tinyTokenizer({ specials });
  t.throws(() => without.tokenizer.encode(prompt), { code: 'infill_not_supported' });
});

t.test('token ids pass as they are', async (t) => {
  const { tokenizer } = await tinyTokenizer({ specials: SPECIALS });
  t.same([...tokenizer.encode({ kind: 'tokens', ids: [3, 1, 2] })], [3, 1, 2]);
});

t.test('specials and extras are broken after their first character, overlapping ones too', async (t) => {
  const { tokenizer } = await tinyTokenizer({ specials: ['<s>', 's><'] });
  t.equal(tokenizer.neutralize('<s><'), `<${ZWSP}s${ZWSP}><`);
  t.equal(tokenizer.neutralize('<s> <p>', ['<p>']), `<${ZWSP}s> <${ZWSP}p>`);
  t.equal(tokenizer.neutralize('nothing here'), 'nothing here');
});
