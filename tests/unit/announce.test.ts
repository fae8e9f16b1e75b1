import t from 'tap';
import { readyText } from '../../src/announce.js';

t.test('the end of a start names the console where it is served', async (t) => {
  const ready = (port: number, host = '127.0.0.1') => readyText('https://10.0.0.1:8443', { host, port }, []);
  t.equal(
    ready(0),
    'ready on https://10.0.0.1:8443 (documentation: https://10.0.0.1:8443/docs, console: https://10.0.0.1:8443/console/)\n',
  );
  t.match(ready(8081), 'console: https://127.0.0.1:8081/console/)');
  t.match(ready(8081, '::1'), 'console: https://[::1]:8081/console/)');
});
