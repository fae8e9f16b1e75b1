import t from 'tap';
import { Roll } from '../../../src/queues/roll.js';

t.test('those that are here are listed in the order in which they came', (t) => {
  const roll = new Roll<string>();
  const leave = ['a', 'b', 'c'].map((name) => roll.add(name));
  t.same(roll.all(), ['a', 'b', 'c']);
  t.equal(leave[1]!(), true);
  roll.add('d');
  t.same(roll.all(), ['a', 'c', 'd']);
  t.equal(roll.size, 3);
  t.end();
});

t.test('leaving twice does no harm', (t) => {
  const roll = new Roll<number>();
  const leave = roll.add(1);
  roll.add(2);
  t.equal(leave(), true);
  t.equal(leave(), false);
  t.same(roll.all(), [2]);
  t.equal(roll.size, 1);
  t.end();
});

t.test('equal values have places of their own', (t) => {
  const roll = new Roll<string>();
  const [first] = [roll.add('x'), roll.add('x')];
  first();
  t.same(roll.all(), ['x']);
  t.end();
});
