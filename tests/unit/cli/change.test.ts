import t from 'tap';
import { type Api, ApiFailure } from '../../../src/cli/api.js';
import { change } from '../../../src/cli/change.js';

interface Thing {
  readonly revision: number;
  readonly name: string;
}

/** A thing that somebody else changes, as often as is said, between each look and the change that follows. */
function contested(times: number, first: Thing | null) {
  let thing = first;
  let left = times;
  const conditions: unknown[] = [];
  const api = {
    async get() {
      if (thing === null) throw new ApiFailure(404, 'not there');
      const seen = thing;
      if (left-- > 0) thing = { revision: thing.revision + 1, name: `${thing.name}+` };
      return seen;
    },
    async send(_method: string, _path: string, body: object, headers: Record<string, string>) {
      conditions.push(headers);
      const wanted = headers['if-none-match'] === '*' ? 0 : Number(headers['if-match']!.slice(1, -1));
      if (wanted !== (thing?.revision ?? 0)) throw new ApiFailure(412, 'another revision');
      thing = { ...(body as Thing), revision: wanted + 1 };
      return thing;
    },
  } as unknown as Api;
  return { api, conditions };
}

const bang = (before: Thing | null) => ({ name: `${before?.name ?? 'new'}!` });

t.test('what somebody else changed meanwhile is read again, and not lost', async (t) => {
  const { api, conditions } = contested(2, { revision: 1, name: 'a' });
  t.same(await change<Thing>(api, '/thing', bang), { revision: 4, name: 'a++!' });
  t.same(
    conditions,
    [1, 2, 3].map((revision) => ({ 'if-match': `"${revision}"` })),
  );
});

t.test('what is not there is made, unless somebody else just made it', async (t) => {
  const { api, conditions } = contested(0, null);
  t.same(await change<Thing>(api, '/thing', bang), { revision: 1, name: 'new!' });
  t.same(conditions, [{ 'if-none-match': '*' }]);
});

t.test('it gives up where somebody else is always faster', async (t) => {
  const { api, conditions } = contested(100, { revision: 1, name: 'a' });
  await t.rejects(change<Thing>(api, '/thing', bang), { message: 'another revision' });
  t.equal(conditions.length, 5);
});
