import t from 'tap';
import type { SearchFilter } from '../../../../src/contracts/retrieval.js';
import { passes } from '../../../../src/retrieval/stores/filter.js';

const attributes = { team: 'payments', year: 2024, since: '2024-05-01', isPublic: true };

t.test('every comparison', async (t) => {
  const cases: [SearchFilter, boolean][] = [
    [{ type: 'eq', key: 'team', value: 'payments' }, true],
    [{ type: 'eq', key: 'year', value: '2024' }, false],
    [{ type: 'eq', key: 'isPublic', value: true }, true],
    [{ type: 'ne', key: 'team', value: 'loans' }, true],
    [{ type: 'ne', key: 'team', value: 'payments' }, false],
    [{ type: 'gt', key: 'year', value: 2023 }, true],
    [{ type: 'gt', key: 'year', value: 2024 }, false],
    [{ type: 'gte', key: 'year', value: 2024 }, true],
    [{ type: 'lt', key: 'since', value: '2024-06-01' }, true],
    [{ type: 'lte', key: 'since', value: '2024-04-30' }, false],
    [{ type: 'lt', key: 'year', value: '3000' }, false],
    [{ type: 'gte', key: 'isPublic', value: true }, false],
    [{ type: 'in', key: 'team', value: ['loans', 'payments'] }, true],
    [{ type: 'nin', key: 'year', value: [2024, 2025] }, false],
  ];
  for (const [filter, expected] of cases) t.equal(passes(filter, attributes), expected, JSON.stringify(filter));
});

t.test('what a file does not have is different from everything, and nothing else', async (t) => {
  for (const key of ['owner', 'constructor']) {
    t.ok(passes({ type: 'ne', key, value: 'x' }, attributes));
    t.ok(passes({ type: 'nin', key, value: ['x'] }, attributes));
    for (const type of ['eq', 'gt', 'gte', 'lt', 'lte'] as const)
      t.notOk(passes({ type, key, value: 'x' }, attributes));
    t.notOk(passes({ type: 'in', key, value: ['x'] }, attributes));
  }
});

t.test('conditions are joined', async (t) => {
  const yes: SearchFilter = { type: 'eq', key: 'year', value: 2024 };
  const no: SearchFilter = { type: 'eq', key: 'year', value: 2025 };
  t.ok(passes({ type: 'or', filters: [no, { type: 'and', filters: [yes, yes] }] }, attributes));
  t.notOk(passes({ type: 'and', filters: [yes, no] }, attributes));
  t.notOk(passes({ type: 'or', filters: [no, no] }, attributes));
});
