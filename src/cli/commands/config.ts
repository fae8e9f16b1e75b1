import type { Command } from 'commander';
import { loadConfig, nest } from '../../config/load.js';
import { redacted } from '../../config/redact.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

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
        value: String(value),
        default: value === fallback ? null : String(fallback),
        variable: variables[0]!,
      }));
      show(terminal, command, nest(values), rows);
    });
}
