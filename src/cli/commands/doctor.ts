import type { Command } from 'commander';
import type { Finding } from '../../doctor/finding.js';
import { ApiFailure } from '../api.js';
import type { Terminal } from '../terminal.js';

/** For people line by line as it is found; the whole of it is what a report of trouble begins with. */
export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description(
      'look at machine, kernels, memory, disk, models, databases and configuration; say what is wrong and what to do',
    )
    .action(async (_options: object, command: Command) => {
      const { examine } = await import('../../doctor/doctor.js');
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      const findings: Finding[] = [];
      for await (const finding of examine()) {
        findings.push(finding);
        if (!json) terminal.out(toText(finding));
      }
      if (json) terminal.out(`${JSON.stringify(findings, null, 2)}\n`);
      const faults = findings.filter(({ state }) => state === 'bad').length;
      if (faults > 0) throw new ApiFailure(null, `To be put right before it can serve: ${faults}, see "bad" above.`);
    });
}

function toText({ what, state, found, advice }: Finding): string {
  const line = `${state.padEnd(4)}  ${what.padEnd(14)}  ${found}\n`;
  return advice === null ? line : `${line}${' '.repeat(22)}→ ${advice}\n`;
}
