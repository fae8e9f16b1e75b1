import { Command, CommanderError, Option } from 'commander';
import { AppError } from '../errors/app-error.js';
import { ApiFailure } from './api.js';
import { addAdapters } from './commands/adapters.js';
import { addAudit } from './commands/audit.js';
import { addBackup } from './commands/backup.js';
import { addCaptures } from './commands/captures.js';
import { addConfig } from './commands/config.js';
import { addDatabase } from './commands/database.js';
import { addDeployments } from './commands/deployments.js';
import { addDoctor } from './commands/doctor.js';
import { addDocuments } from './commands/documents.js';
import { addEval } from './commands/eval.js';
import { addExperiments } from './commands/experiments.js';
import { addFeedback } from './commands/feedback.js';
import { addInit } from './commands/init.js';
import { addJobs } from './commands/jobs.js';
import { addKeys } from './commands/keys.js';
import { addLimits } from './commands/limits.js';
import { addModels } from './commands/models.js';
import { addMove } from './commands/move.js';
import { addPolicies } from './commands/policies.js';
import { addQuality } from './commands/quality.js';
import { addRedTeam } from './commands/redteam.js';
import { addReplicas } from './commands/replicas.js';
import { addReviews } from './commands/reviews.js';
import { addSamples } from './commands/samples.js';
import { addServe } from './commands/serve.js';
import { addSigners } from './commands/signers.js';
import { addTenants } from './commands/tenants.js';
import { addTools } from './commands/tools.js';
import { addTop } from './commands/top.js';
import { addUsage } from './commands/usage.js';
import { addWebhooks } from './commands/webhooks.js';
import { parseUrl } from './options.js';
import type { Terminal } from './terminal.js';

const FAILED = 1;
const WRONG_USAGE = 2;

/** Runs one command line and gives its exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    const expected = error instanceof ApiFailure || error instanceof AppError;
    terminal.err(`switchyard: ${expected ? error.message : ((error as Error).stack ?? error)}\n`);
    return FAILED;
  }
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('switchyard')
    .description(
      'Runs and operates a Switchyard gateway: models, tenants, keys, limits, usage, adapters, deployments, experiments, policies, documents, reviews, captures, jobs, audit, backups, the database, servers behind it.',
    )
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .addOption(new Option('--url <url>', 'address of the gateway').default('http://127.0.0.1:8080').argParser(parseUrl))
    .addOption(new Option('--key <key>', 'API key').env('SWITCHYARD_KEY'))
    .option('--reason <text>', 'why something is changed, for the audit log')
    .option('--json', 'print JSON instead of a table');
  for (const add of [
    addServe,
    addInit,
    addSamples,
    addDoctor,
    addTop,
    addConfig,
    addModels,
    addTenants,
    addKeys,
    addLimits,
    addUsage,
    addSigners,
    addAdapters,
    addDeployments,
    addExperiments,
    addWebhooks,
    addPolicies,
    addTools,
    addDocuments,
    addQuality,
    addEval,
    addRedTeam,
    addReviews,
    addCaptures,
    addFeedback,
    addJobs,
    addAudit,
    addBackup,
    addDatabase,
    addMove,
    addReplicas,
  ])
    add(program, terminal);
  return program;
}
