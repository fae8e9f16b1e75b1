import t from 'tap';
import {
  downloadProgress,
  formatBar,
  formatDownload,
  formatTable,
  formatTime,
  progressLine,
} from '../../../src/cli/terminal.js';

t.test('columns are as wide as their widest cell, numbers stand to the right, what is missing is a dash', async (t) => {
  const rows = [
    { name: 'support@1', bytes: 4_884_552, note: null },
    { name: 'a', bytes: 7, note: 'new' },
  ];
  t.equal(
    formatTable(rows),
    ['NAME         BYTES  NOTE', 'support@1  4884552  -', 'a                7  new', ''].join('\n'),
  );
  t.equal(formatTable([]), 'Nothing there.\n');
});

t.test('a time is told to the minute, in UTC', async (t) => {
  t.equal(formatTime(Date.UTC(2026, 10, 24, 9, 5, 59)), '2026-11-24 09:05 UTC');
  t.equal(formatTime(null), null);
});

t.test('progress is redrawn for a person, and elsewhere each step is written once', async (t) => {
  const written: string[] = [];
  const terminal = (interactive: boolean) => ({
    out: () => undefined,
    err: (text: string) => written.push(text),
    interactive,
  });
  for (const interactive of [true, false]) {
    const line = progressLine(terminal(interactive));
    line.update('Uploading', '1 of 2');
    line.update('Uploading', '2 of 2');
    line.end('done');
  }
  t.same(written, [
    '\r\x1b[2KUploading 1 of 2',
    '\r\x1b[2KUploading 2 of 2',
    '\r\x1b[2Kdone\n',
    'Uploading …\n',
    'done\n',
  ]);
});

t.test('a bar shows the share, from nothing to all', async (t) => {
  t.equal(formatBar(0), `[${' '.repeat(30)}] 0 %`);
  t.equal(formatBar(0.5), `[${'#'.repeat(15)}${' '.repeat(15)}] 50 %`);
  t.equal(formatBar(1), `[${'#'.repeat(30)}] 100 %`);
});

t.test('size and time of a download are told before it begins, and what is left while it lasts', async (t) => {
  t.equal(formatDownload(491_400_064), '492 MB to download (40 s at 100 Mbit/s, 7 min at 10)');
  t.equal(formatDownload(1_117_320_768), '1.1 GB to download (90 s at 100 Mbit/s, 15 min at 10)');
  let nowMs = 0;
  const progress = downloadProgress(400e6, () => nowMs);
  t.equal(progress(100e6), formatBar(0.25), 'what was there says nothing about the pace');
  nowMs = 1000;
  t.equal(progress(110e6), formatBar(0.275), 'a second is too short');
  nowMs = 10_000;
  t.equal(progress(200e6), `${formatBar(0.5)} of 400 MB, 20 s left`);
  t.equal(progress(400e6), formatBar(1));
});
