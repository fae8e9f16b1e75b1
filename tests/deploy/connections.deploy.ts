/** Ten thousand connections that say nothing more: what they take, that answers go on beside them, and that they end. */
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { registerTenant } from '../../bench/gateway/tenant.js';
import { createClient } from '../../bench/soak/client.js';
import { partsOf } from '../../bench/soak/processes.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../integration/gateway-process.js';
import { until } from './tools.js';

const EACH = 5000;
/** Opened at once, below what the system lets wait for a server. */
const TOGETHER = 250;
/** Headers may take long enough for all connections to be open together; the other half is closed after 72 s. */
const SETTINGS = {
  SWITCHYARD_DEMO: 'false',
  SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct',
  SWITCHYARD_SERVER_HEADERS_TIMEOUT_MS: '60000',
};
const ASKED = 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n';
const CHATS = 10;
/** Three times what was measured (docs/operations.md). */
const MOST_KB_EACH = 16;
/** Files that a process opens for other things. */
const OTHER_FILES = 500;

const files = Number(execFileSync('bash', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
const skip = files < 2 * EACH + OTHER_FILES && `a process may open ${files} files here: raise "ulimit -n"`;

t.test('10,000 idle connections take little, hinder nobody, and are ended', { skip }, async (t) => {
  const dataDir = temporaryDataDir();
  const { key } = await registerTenant(dataDir, SETTINGS, {});
  const gateway = await startGateway(dataDir, SETTINGS);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    removeDataDir(dataDir);
  });
  const client = createClient(gateway.url, key);
  const chats = async () => {
    const startMs = performance.now();
    for (let n = 0; n < CHATS; n++) {
      const messages = [{ role: 'user', content: `What is ${n} and ${n}?` }] as const;
      t.ok((await client.chat({ model: 'assistant', messages, max_tokens: 16, stream: n % 2 === 0 })).text);
    }
    return (performance.now() - startMs) / CHATS;
  };
  const seen = () => partsOf(gateway.pid).find(({ part }) => part === 'gateway')!;

  await chats();
  const alone = { ms: await chats(), ...seen() };
  const idle = await openAll(gateway.url);
  const beside = { ms: await chats(), ...seen() };
  t.equal(idle.closed(), 0);
  t.ok(beside.handles >= alone.handles + 2 * EACH, `${beside.handles} open`);
  const kbEach = ((beside.rssMb - alone.rssMb) * 1024) / (2 * EACH);
  t.comment(`${kbEach.toFixed(1)} KB a connection; an answer took ${alone.ms | 0} ms before and ${beside.ms | 0} then`);
  t.ok(kbEach < MOST_KB_EACH, `${kbEach} KB`);

  await until('the gateway ends them', 120_000, () => (idle.closed() === 2 * EACH ? true : null));
  t.match(idle.received(), /^HTTP\/1\.1 408 /, 'who never asked is told why');
  t.ok(seen().handles < alone.handles + OTHER_FILES, `${seen().handles} open`);
  await chats();
  t.equal(await gateway.stop(), 0);
});

/** Half of them have asked once and may ask again, half never say a word. */
async function openAll(url: string) {
  const { hostname, port } = new URL(url);
  let closed = 0;
  let received = '';
  const open = (text: string) =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => text === '' && resolve(socket));
      socket.on('data', (bytes) => {
        if (text === '') received = String(bytes);
        else resolve(socket);
      });
      socket.once('error', reject).once('close', () => closed++);
      socket.write(text);
    });
  for (let opened = 0; opened < EACH; opened += TOGETHER / 2) {
    await Promise.all(Array.from({ length: TOGETHER }, (_, n) => open(n % 2 === 0 ? ASKED : '')));
  }
  return { closed: () => closed, received: () => received };
}
