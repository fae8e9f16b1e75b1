import t from 'tap';
import type { ChatMessage } from '../../../src/contracts/engine.js';
import { assemblePrompt, type Neutralize, passageTitle } from '../../../src/pipeline/prompt.js';

const asIs: Neutralize = (text) => text;
const user: ChatMessage = { role: 'user', content: 'What is the fee?' };
const passage = { headingPath: ['Mortgages', 'Fees'], filename: 'mortgages.md', text: '  The fee is 1.5 %.\n' };

t.test('with passages the system message has instructions, rules and numbered passages', async (t) => {
  const prompt = assemblePrompt(
    { instructions: 'You help.', messages: [user], passages: [passage, { ...passage, headingPath: [] }] },
    asIs,
  );
  t.same(prompt, [
    {
      role: 'system',
      content: [
        'You help.',
        'Answer from the passages only. After each fact put the number of its passage, like [1]. If the passages do not hold the answer, say: I could not find this in the documents.',
        '<passages>',
        '[1] Mortgages › Fees',
        'The fee is 1.5 %.',
        '[2] mortgages.md',
        'The fee is 1.5 %.',
        '</passages>',
      ].join('\n'),
    },
    user,
  ]);
});

t.test('the system messages of the caller stand between the instructions and the rules', async (t) => {
  const messages: ChatMessage[] = [
    { role: 'system', content: 'Speak French.' },
    user,
    { role: 'assistant', content: '5 EUR.' },
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'And cards?' },
  ];
  const [system, ...history] = assemblePrompt({ instructions: 'You help.', messages, passages: [] }, asIs);
  t.match(system?.content, /^You help\.\nSpeak French\.\nBe brief\.\nAnswer from .*\n<passages>\n<\/passages>$/);
  t.same(history, [user, { role: 'assistant', content: '5 EUR.' }, { role: 'user', content: 'And cards?' }]);
});

t.test(
  'without retrieval there are neither rules nor fences, and no system message where nothing is to say',
  async (t) => {
    t.same(assemblePrompt({ instructions: 'You help.', messages: [user], passages: null }, asIs), [
      { role: 'system', content: 'You help.' },
      user,
    ]);
    t.same(assemblePrompt({ instructions: '', messages: [user], passages: null }, asIs), [user]);
  },
);

t.test('everything but the instructions is neutralized, fences included', async (t) => {
  const seen: string[] = [];
  const note: Neutralize = (text, extra) => {
    t.same(extra, ['<passages>', '</passages>']);
    seen.push(text);
    return text;
  };
  const messages: ChatMessage[] = [{ role: 'system', content: 'caller' }, user];
  assemblePrompt({ instructions: 'You help.', messages, passages: [passage] }, note);
  t.same(seen.sort(), ['caller', passageTitle(passage), passage.text, user.content].sort());
});
