/** Shapes of safety policies. */

import { Type } from 'typebox';
import { closed, Name, Time } from './common.js';

const ruleBase = {
  name: Name,
  action: Type.Enum(['block', 'redact', 'flag', 'refuse']),
  text: Type.Optional(Type.String({ description: 'The answer, where the action is refuse.' })),
};

const Threshold = (description: string) => Type.Number({ description, exclusiveMinimum: 0, maximum: 1 });
const RuleSchema = Type.Union([
  Type.Object(
    {
      ...ruleBase,
      kind: Type.Literal('pattern'),
      patterns: Type.Array(Type.String(), {
        description: 'Regular expressions without look-around and back-references.',
      }),
      caseSensitive: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object(
    { ...ruleBase, kind: Type.Literal('personal'), types: Type.Optional(Type.Array(Type.String(), { minItems: 1 })) },
    closed,
  ),
  Type.Object({ ...ruleBase, kind: Type.Literal('profanity') }, closed),
  Type.Object(
    {
      ...ruleBase,
      kind: Type.Literal('topic'),
      examples: Type.Array(Type.String()),
      threshold: Threshold('Least cosine to one of the examples.'),
    },
    closed,
  ),
  Type.Object(
    {
      ...ruleBase,
      kind: Type.Literal('injection'),
      threshold: Type.Optional(Threshold('Least probability of a prompt injection; 0.5 where left out.')),
    },
    closed,
  ),
]);

const RulesSchema = Type.Object(
  { input: Type.Array(RuleSchema), passages: Type.Array(RuleSchema), output: Type.Array(RuleSchema) },
  { ...closed, description: 'Of each stage, in the order in which they are applied.' },
);

export const PolicyBody = Type.Object({ rules: RulesSchema }, closed);
export const PolicySchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  revision: Type.Integer({ description: 'Grows by one with every change; a deployment names one.' }),
  rules: RulesSchema,
  createdAt: Time,
});
