/** Compiles one adapter and ends: forked by model-import/lora/compile-apart.ts. */
import { AppError } from '../../../errors/app-error.js';
import type { CompileResult, CompileTask } from '../compile-apart.js';
import { createAdapterCompiler } from '../compiler.js';

process.on('disconnect', () => process.exit(0));
process.once('message', async ({ options, folder, anyBase }: CompileTask) => {
  const send = (result: CompileResult) => process.send?.(result, undefined, undefined, () => {});
  try {
    send({ compiled: await createAdapterCompiler(options).compile(folder, anyBase) });
  } catch (error) {
    if (error instanceof AppError) send({ error: error.toMessage() });
    else send({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
