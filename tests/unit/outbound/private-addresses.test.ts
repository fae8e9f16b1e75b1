import t from 'tap';
import { isPrivate } from '../../../src/outbound/private-addresses.js';

t.test('addresses of networks of one’s own are private, in every spelling', async (t) => {
  for (const address of [
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.31.255.255',
      '192.168.0.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
    ],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
      'ff02::1',
      '::ffff:10.0.0.1',
      '::ffff:7f00:1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
    ],
    ...['255.255.255.255', 'no address', ''],
  ]) {
    t.ok(isPrivate(address), address);
  }
  for (const address of ['1.1.1.1', '172.32.0.1', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8']) {
    t.notOk(isPrivate(address), address);
  }
});
