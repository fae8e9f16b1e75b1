import t from 'tap';
import { toDocumented } from '../../../src/http/plugins/documented.js';

const BODY = {
  type: 'object',
  required: ['model'],
  properties: {
    model: { type: 'string' },
    size: { type: 'integer', minimum: 1 },
    kind: { type: 'string', enum: ['a', 'b'] },
    either: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
    anything: { description: 'as it is' },
    n: { description: 'Not supported.', accepts: { type: 'number', const: 1 } },
    audio: { description: 'Not supported.', accepts: { type: 'null' } },
    metadata: { type: 'object', patternProperties: { '^.*$': { type: 'string' } } },
    messages: {
      type: 'array',
      items: { type: 'object', required: ['role'], properties: { name: { type: 'string' } } },
    },
  },
};

t.test('null is shown wherever something may be left out, and nowhere else', (t) => {
  const { properties } = toDocumented(BODY, true);
  t.match(properties, {
    model: { type: 'string' },
    size: { type: ['integer', 'null'], minimum: 1 },
    kind: { type: ['string', 'null'], enum: ['a', 'b', null] },
    either: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }, { type: 'null' }] },
    metadata: { type: ['object', 'null'], patternProperties: { '^.*$': { type: ['string', 'null'] } } },
    messages: { items: { type: 'object', properties: { name: { type: ['string', 'null'] } } } },
  });
  t.same(properties!.anything, BODY.properties.anything);
  t.end();
});

t.test('of a parameter that is refused, the value that asks for what happens anyway is shown', (t) => {
  const { properties } = toDocumented(BODY, true);
  t.same(properties!.n, { type: ['number', 'null'], enum: [1, null], description: 'Not supported.' });
  t.same(properties!.audio, { type: 'null', description: 'Not supported.' });
  t.same(toDocumented(BODY, false).properties!.n, { type: 'number', const: 1, description: 'Not supported.' });
  t.same(toDocumented(BODY, false).properties!.size, BODY.properties.size);
  t.end();
});
