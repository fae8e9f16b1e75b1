import t from 'tap';
import { nearest } from '../../../src/config/nearest.js';

t.test('the name with the fewest edits is the nearest, whatever its case', async (t) => {
  const known = ['engine.slots', 'engine.spinUs', 'server.port'];
  t.equal(nearest('engine.slot', known), 'engine.slots');
  t.equal(nearest('ENGINE.SPINUS', known), 'engine.spinUs');
  t.equal(nearest('sever.prot', known), 'server.port');
  t.equal(nearest('', ['ab', 'a']), 'a');
});
