import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { adminApi, path } from '../api.js';
import { tenantOption } from '../options.js';
import type { Terminal } from '../terminal.js';

interface ExportOptions {
  readonly tenant: string;
  readonly out?: string;
}

export function addFeedback(program: Command, terminal: Terminal): void {
  const feedback = program.command('feedback').description('what users said about answers');

  feedback
    .command('export')
    .description("write corrected answers as JSON lines in the shape of OpenAI's chat fine-tuning")
    .addOption(tenantOption())
    .option('--out <file>', 'where to; standard output where left out')
    .action(async ({ tenant, out }: ExportOptions, command: Command) => {
      const body = await adminApi(command).stream(path`/admin/tenants/${tenant}/training-examples`);
      if (out !== undefined) {
        await pipeline(Readable.fromWeb(body), createWriteStream(out));
        return;
      }
      const decoder = new TextDecoder();
      for await (const piece of body) terminal.out(decoder.decode(piece, { stream: true }));
    });
}
