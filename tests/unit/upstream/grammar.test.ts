import t from 'tap';
import type { GrammarSpec } from '../../../src/contracts/grammar.js';
import { llamaServer } from '../../../src/upstream/dialects/llama-server.js';
import { openai } from '../../../src/upstream/dialects/openai.js';
import { sglang } from '../../../src/upstream/dialects/sglang.js';
import { vllm } from '../../../src/upstream/dialects/vllm.js';
import { GREEDY } from '../../fixtures/engine/engine.js';
import { accepts, machineOf } from '../../fixtures/grammar/walk.js';

const capabilities = { model: 'base', contextTokens: 512, slots: 1, adapters: 'none', loaded: [] } as const;
const question = (grammar: GrammarSpec) => ({
  promptIds: [1],
  maxTokens: 8,
  sampling: GREEDY,
  stop: [],
  topLogprobs: null,
  grammar,
  shown: [],
  adapter: null,
  cacheKey: () => 'key',
});

const schema = '{"type":"integer"}';
const tag: GrammarSpec = {
  kind: 'structural_tag',
  tag: {
    type: 'triggered_tags',
    triggers: ['<call>'],
    tags: [{ begin: '<call>', schema, end: '</call>', param: 'tools[0]' }],
    stopAfterFirst: true,
  },
};
const cases: [spec: GrammarSpec, vllm: object, llama: object | null][] = [
  [{ kind: 'json' }, { json_object: true }, { json_schema: { type: 'object' } }],
  [{ kind: 'json_schema', schema, param: 'p' }, { json: schema }, { json_schema: { type: 'integer' } }],
  [{ kind: 'regex', pattern: 'a+', param: 'p' }, { regex: 'a+' }, null],
  [
    { kind: 'choice', choices: ['a"\n', 'b'], param: 'p' },
    { choice: ['a"\n', 'b'] },
    { grammar: 'root ::= "a\\"\\n" | "b"' },
  ],
  [{ kind: 'ebnf', grammar: 'root ::= "a"', param: 'p' }, { grammar: 'root ::= "a"' }, { grammar: 'root ::= "a"' }],
  [
    tag,
    {
      structural_tag: JSON.stringify({
        type: 'structural_tag',
        format: {
          type: 'triggered_tags',
          triggers: ['<call>'],
          tags: [
            {
              type: 'tag',
              begin: '<call>',
              content: { type: 'json_schema', json_schema: { type: 'integer' } },
              end: '</call>',
            },
          ],
          stop_after_first: true,
          at_least_one: false,
        },
      }),
    },
    null,
  ],
];

/** SGLang's words are those of vLLM, each in another place, but for a choice. */
function inSglang(
  spec: GrammarSpec,
  { json, structural_tag: tag }: { json?: string; structural_tag?: string },
): object {
  switch (spec.kind) {
    case 'json':
      return { json_schema: '{"type":"object"}' };
    case 'json_schema':
      return { json_schema: json };
    case 'regex':
      return { regex: spec.pattern };
    case 'choice':
      return { ebnf: 'root ::= "a\\"\\n" | "b"' };
    case 'ebnf':
      return { ebnf: spec.grammar };
    case 'structural_tag':
      return { response_format: JSON.parse(tag!) };
  }
}

t.test('a server gets what an answer is bound to in its own words, or it is refused by name', async (t) => {
  for (const [spec, structuredOutputs, llama] of cases) {
    const asked = question(spec);
    t.equal(vllm.unsupported(asked), null);
    t.match(vllm.body(asked, capabilities), { structured_outputs: structuredOutputs });
    if (llama === null) t.equal(llamaServer.unsupported(asked), spec.kind === 'regex' ? 'p' : 'tools.strict');
    else t.match(llamaServer.body(asked, capabilities), llama);
    t.ok(openai.unsupported(asked));
    t.equal(sglang.unsupported(asked), null);
    t.match(sglang.body(asked, capabilities), inSglang(spec, structuredOutputs));
  }
});

t.test('what our own compiler reads of a choice is that choice', async (t) => {
  const { grammar } = llamaServer.body(question(cases[3]![0]), capabilities) as { grammar: string };
  const machine = machineOf({ kind: 'ebnf', grammar, param: 'p' });
  t.ok(accepts(machine, 'a"\n'));
  t.ok(accepts(machine, 'b'));
  t.notOk(accepts(machine, 'a'));
});
