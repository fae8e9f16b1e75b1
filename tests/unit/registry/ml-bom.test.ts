import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import t from 'tap';
import { renderBom } from '../../../src/registry/ml-bom.js';
import { BARE, FACTS } from './version-facts.js';

// The schema that CycloneDX publishes, in its strict form: unknown members are errors.
const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

t.test('a bill of materials is valid by the schema of CycloneDX 1.6, whatever is known of a version', async (t) => {
  for (const facts of [FACTS, BARE]) t.equal(await validator.validate(JSON.stringify(renderBom(facts))), null);
  t.not(await validator.validate(JSON.stringify({ ...renderBom(FACTS), lineage: 1 })), null, 'the schema is looked at');
});

t.test('it names base, parent, data, weights and figures, and the same version by the same number', async (t) => {
  const bom = renderBom(FACTS);
  t.match(bom, {
    metadata: {
      timestamp: '1970-01-01T00:00:03.000Z',
      component: {
        group: 'bank',
        name: 'support',
        version: '2',
        hashes: [{ alg: 'SHA-256', content: '4'.repeat(64) }],
        pedigree: { ancestors: [{ name: 'small' }, { name: 'support', version: '1' }] },
        modelCard: {
          quantitativeAnalysis: {
            performanceMetrics: [{ type: 'fact', value: '0.651', slice: 'eval' }, { type: 'cited' }],
          },
        },
        properties: [
          { name: 'switchyard:digest' },
          { name: 'switchyard:status', value: 'approved' },
          { value: 'train.py 3' },
        ],
      },
    },
    components: [{ hashes: [{ content: '2'.repeat(64) }] }, { type: 'data', hashes: [{ content: '5'.repeat(64) }] }],
  });
  const { version } = FACTS;
  const serials = [FACTS, { ...FACTS, events: [] }, { ...FACTS, version: { ...version, tenant: 'shop' } }]
    .map(renderBom)
    .map((each) => (each as { serialNumber: string }).serialNumber);
  t.equal(serials[0], serials[1]);
  t.not(serials[0], serials[2]);
});
