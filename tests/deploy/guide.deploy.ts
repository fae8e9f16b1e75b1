/**
 * docs/guides/operate.md from a bare machine to a fired alert, command by command, in a folder that takes the place of the root. What
 * systemd would do, a function of the shell does from the unit's own lines; Grafana is not there to be started.
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../../bench/peers/processes.js';
import { MODELS } from '../integration/gateway-process.js';
import { commandsOf } from '../integration/tour.js';
import { installDebian, ROOT, run } from './tools.js';

const PARTS = [
  '## 1. Install',
  '## 2. Models, keys, a look at the machine',
  '## 3. Run',
  '## 4. The first tenant',
  '## 5. Prometheus and Alertmanager',
  '## 6. Grafana',
  '## 7. See an alert',
];
/** What a reader should see of each block, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /switchyard-[\d.]+\.tgz/,
  /operations[\s\S]*good +kernels[\s\S]*good +port/,
  /ready on http/,
  /bank[\s\S]*assistant +base[\s\S]*"secret"[\s\S]*"object":"chat.completion"/,
  /SUCCESS[\s\S]*SUCCESS/,
  /"switchyard"[\s\S]*"1"\][\s\S]*"tenant":"bank"/,
  /^$/,
  /"alertname":"SwitchyardDown"[\s\S]*"state":"firing"[\s\S]*SwitchyardDown/,
];
const MARK = '@@@';

/** Services of this run, and tools that need to know where it is. */
const PROLOGUE = `
export PATH=$ROOT/usr/bin:$PATH npm_config_prefix=$ROOT/usr SWITCHYARD_MODELS_BASE=smollm2-135m-instruct PORT
switchyard() { command switchyard --url "http://127.0.0.1:$PORT" "$@"; }
answers() { for _ in $(seq 600); do curl -sf -o /dev/null "$1" && return; sleep 0.5; done; return 1; }
serve() {
  unit=$ROOT/etc/systemd/system/switchyard.service
  set -a; eval "$(sed -n 's/^Environment=//p' "$unit")"; . "$ROOT/etc/switchyard/environment"; set +a
  CREDENTIALS_DIRECTORY=$ROOT/etc/switchyard
  eval "$(sed -n 's/^ExecStartPre=//p' "$unit")" >>"$ROOT/journal" 2>&1
  eval "exec $(sed -n 's/^ExecStart=//p' "$unit")" >>"$ROOT/journal" 2>&1
}
end() { [ ! -f "$ROOT/$1.pid" ] || { kill "$(cat "$ROOT/$1.pid")"; while kill -0 "$(cat "$ROOT/$1.pid")" 2>&1; do sleep 0.2; done >/dev/null; rm "$ROOT/$1.pid"; }; }
trap 'end switchyard; end prometheus; end alertmanager' EXIT
systemctl() {
  case "$*" in
    daemon-reload | 'restart grafana-server') ;;
    'enable --now switchyard' | 'start switchyard') serve & echo $! >"$ROOT/switchyard.pid"; answers "http://127.0.0.1:$PORT/readyz"; sleep 1 ;;
    'stop switchyard') end switchyard ;;
    'restart prometheus prometheus-alertmanager')
      prometheus-alertmanager --config.file="$ROOT/etc/prometheus/alertmanager.yml" --storage.path="$ROOT/alerts" \\
        --cluster.listen-address= --web.listen-address="127.0.0.1:$ALERTMANAGER" >"$ROOT/alertmanager.log" 2>&1 & echo $! >"$ROOT/alertmanager.pid"
      prometheus --config.file="$ROOT/etc/prometheus/prometheus.yml" --storage.tsdb.path="$ROOT/metrics" \\
        --web.listen-address="127.0.0.1:$PROMETHEUS" >"$ROOT/prometheus.log" 2>&1 & echo $! >"$ROOT/prometheus.pid"
      answers "http://127.0.0.1:$PROMETHEUS/-/ready"; sleep 35 ;;
    *) echo "systemctl $*: nobody would know" >&2; return 1 ;;
  esac
}
journalctl() { cat "$ROOT/journal"; }
`;

t.test('every command of the guide for operators does what the page says', async (t) => {
  installDebian({ prometheus: 'prometheus', 'prometheus-alertmanager': 'prometheus-alertmanager', curl: 'curl' });
  const root = t.testdir({});
  for (const folder of [
    'etc/systemd/system',
    'etc/switchyard',
    'etc/prometheus',
    'etc/grafana/provisioning',
    'var/lib/switchyard',
    'tmp',
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  symlinkSync(MODELS, join(root, 'var/lib/switchyard/models'));
  const [port, prometheus, alertmanager] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(join(root, 'etc/switchyard/environment'), `PORT=${port}\nSWITCHYARD_DATA=${root}/var/lib/switchyard\n`);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  t.teardown(() => rmSync(join(ROOT, `switchyard-${version}.tgz`), { force: true }));

  // In the foreground it would never end; the unit runs the same.
  const blocks = PARTS.flatMap((part) => commandsOf('docs/guides/operate.md', part)).filter(
    (block) => block !== 'switchyard serve\n',
  );
  t.equal(blocks.length, EXPECTED.length, 'each block has something to show');
  const here = (block: string) =>
    block
      .replaceAll(/(?<![\w.])\/(etc|var\/lib\/switchyard|tmp)\//g, `${root}/$1/`)
      .replaceAll('SWITCHYARD_DATA=/var/lib/switchyard', `SWITCHYARD_DATA=${root}/var/lib/switchyard`)
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replaceAll('127.0.0.1:9090', `127.0.0.1:${prometheus}`)
      .replaceAll('127.0.0.1:9093', `127.0.0.1:${alertmanager}`);
  const script = [PROLOGUE, ...blocks.map((block) => `${here(block)}\necho ${MARK}`)].join('\n');
  const env = {
    ...process.env,
    ROOT: root,
    PORT: `${port}`,
    PROMETHEUS: `${prometheus}`,
    ALERTMANAGER: `${alertmanager}`,
  };
  const outputs = run('bash', ['-euo', 'pipefail', '-c', script], { env }).split(`${MARK}\n`);
  for (const [i, block] of blocks.entries()) t.match(outputs[i], EXPECTED[i]!, block);
  const source = readFileSync(join(root, 'etc/grafana/provisioning/datasources/prometheus.yaml'), 'utf8');
  t.match(source, `http://127.0.0.1:${prometheus}`, 'what Grafana would read');
});
