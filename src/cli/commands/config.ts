import type { Command } from 'commander';
import { nest } from '../../config/checked.js';
import { loadConfig } from '../../config/load.js';
import { redacted } from '../../config/redact.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

const shown = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

export function addConfig(program: Command, terminal: Terminal): void {
  program
    .command('config')
    .description('look at the configuration')
    .command('print')
    .description(
      'show every setting as the gateway would have it, without secrets; with --json as a configuration file',
    )
    .action((_options: object, command: Command) => {
      const values = redacted(loadConfig());
      const rows = [...values].map(([{ path, default: fallback, variables }, value]) => ({
        setting: path,
        value: shown(value),
        default: shown(value) === shown(fallback) ? null : shown(fallback),
        variable: variables[0]!,
      }));
      show(terminal, command, nest(values), rows);
    });
}
