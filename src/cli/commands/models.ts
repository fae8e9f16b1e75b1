import { type Command, Option } from 'commander';
import { furtherEmbedders } from '../../config/embedders.js';
import { loadConfig } from '../../config/load.js';
import { AppError } from '../../errors/app-error.js';
import type { PullProgress, VerifiedFile } from '../../model-import/models.js';
import { show } from '../show.js';
import { downloadProgress, formatDownload, progressLine, type Terminal } from '../terminal.js';
import { addModelImports } from './model-imports.js';

interface ImportCommandOptions {
  readonly id?: string;
  readonly floats: 'q8' | 'q4';
}

/** These work on the data folder itself: they run before there is a gateway. */
export function addModels(program: Command, terminal: Terminal): void {
  const models = program.command('models').description('fetch, check and import models');
  addModelImports(models, terminal);

  models
    .command('pull [ids...]')
    .description(
      'fetch and import models, known ones or hub:owner/name[:file]; those of the configuration where none is named',
    )
    .option('--id <id>', 'what a model of the Hub will be called; the name of its file where left out')
    .action(async (ids: string[], { id: newId }: { id?: string }, command: Command) => {
      if (newId !== undefined && (ids.length !== 1 || !ids[0]!.startsWith('hub:'))) {
        command.error('error: --id is for one model of the Hub');
      }
      const { pullFromHub } = await import('../../model-import/pull-from-hub.js');
      const { pullModel } = await import('../../model-import/models.js');
      const config = loadConfig();
      const manifests = [];
      const { base, embedder, ner } = config.models;
      const configured = [base, embedder, ...furtherEmbedders(config.models), ner].filter(Boolean);
      for (const id of ids.length > 0 ? ids : configured) {
        const progress = progressLine(terminal);
        let bar: ((bytesDone: number) => string) | null = null;
        const report = ({ stage, detail, bytesDone, bytesTotal }: PullProgress) => {
          if (stage === 'import') return progress.update(`${id}: ${detail}`, '');
          if (bar === null) terminal.err(`${id}: ${formatDownload(bytesTotal - bytesDone)}\n`);
          bar ??= downloadProgress(bytesTotal, Date.now);
          progress.update(`${id}: ${detail}`, bar(bytesDone));
        };
        const options = { sourceDir: config.models.sourceDir || null };
        const manifest = id.startsWith('hub:')
          ? await pullFromHub(id, newId, config.dataDir, report, options)
          : await pullModel(id, config.dataDir, report, options);
        progress.end(`${manifest.id}: ready`);
        manifests.push(manifest);
      }
      if (command.optsWithGlobals<{ json?: boolean }>().json) show(terminal, command, manifests, []);
    });

  models
    .command('list')
    .description('list the models that are known or imported')
    .action(async (_options: object, command: Command) => {
      const { listModels } = await import('../../model-import/list-models.js');
      const listed = await listModels(loadConfig().dataDir);
      const rows = listed.map(({ id, kind, manifest, bytes }) => ({
        id,
        kind,
        state: manifest ? 'imported' : 'not imported',
        bytes: manifest ? bytes : null,
      }));
      show(terminal, command, listed, rows);
    });

  models
    .command('verify [ids...]')
    .description('read every byte of imported models again; all of them where none is named')
    .action(async (ids: string[], _options: object, command: Command) => {
      const { listModels } = await import('../../model-import/list-models.js');
      const { verifyModel } = await import('../../model-import/models.js');
      const { dataDir } = loadConfig();
      const imported = (await listModels(dataDir)).filter(({ manifest }) => manifest !== null).map(({ id }) => id);
      const files: (VerifiedFile & { readonly model: string })[] = [];
      for (const model of ids.length > 0 ? ids : imported) {
        for (const file of await verifyModel(model, dataDir)) files.push({ model, ...file });
      }
      show(
        terminal,
        command,
        files,
        files.map(({ model, file, ...rest }) => ({ model, file, state: stateOf(rest) })),
      );
      const wrong = files.find((file) => file.actual !== file.expected);
      if (wrong) {
        const { model, file, expected, actual } = wrong;
        throw new AppError('model_hash_mismatch', { file: `${model}/${file}`, expected, actual: actual ?? 'none' });
      }
    });

  models
    .command('import <source>')
    .description('import a GGUF file, or a folder with safetensors')
    .option('--id <id>', 'what it will be called; the name of the source where left out')
    .addOption(new Option('--floats <kind>', 'what becomes of unquantized weights').choices(['q8', 'q4']).default('q8'))
    .action(async (source: string, options: ImportCommandOptions, command: Command) => {
      const { importModel } = await import('../../model-import/models.js');
      const manifest = await importModel(source, loadConfig().dataDir, options);
      const { id, format, baseDigest } = manifest;
      show(terminal, command, manifest, [{ id, format, source: baseDigest.slice(0, 12) }]);
    });
}

function stateOf({ expected, actual }: Pick<VerifiedFile, 'expected' | 'actual'>): string {
  if (actual === null) return 'missing';
  return actual === expected ? 'sound' : 'changed';
}
