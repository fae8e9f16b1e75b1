import type { Command } from 'commander';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('run the gateway, with the settings of the configuration, until a signal stops it')
    .action(async () => {
      const { serve } = await import('../../serve.js');
      await serve();
    });
}
