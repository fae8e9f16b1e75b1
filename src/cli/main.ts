#!/usr/bin/env node
import { outliveReaders } from '../processes/outlive-readers.js';
import { runCli } from './run.js';

outliveReaders();
// Models, backups and what else is written here are their owner's alone.
process.umask(0o077);
process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  interactive: process.stderr.isTTY === true,
  isScreen: process.stdout.isTTY === true,
});
