import closeWithGrace from 'close-with-grace';
import { createApp } from './app.js';
import { loadConfig } from './config/load.js';
import { AppError } from './errors/app-error.js';
import { outliveReaders } from './processes/outlive-readers.js';

/** The process of a gateway: loads the configuration, builds the app, listens, closes gracefully. It ends the process where that fails. */
export async function serve(): Promise<void> {
  outliveReaders();
  // Documents, keys and records are their owner's alone.
  process.umask(0o077);
  try {
    const config = loadConfig();
    const app = await createApp(config);
    closeWithGrace({ delay: config.server.drainTimeoutMs + 5000, logger: app.server.log }, async ({ err }) => {
      if (err) app.server.log.error(err, 'stopping after an error');
      await app.close();
    });
    await app.start();
  } catch (error) {
    process.stderr.write(`switchyard: ${startMessage(error)}\n`);
    process.exit(1);
  }
}

/** One sentence that says what to do; anything unexpected keeps its stack. */
function startMessage(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') return `Port ${port} is in use. Stop what listens there, or set PORT to another one.`;
  if (code === 'ENOSPC')
    return 'The disk is full. Free space in the data folder, or set SWITCHYARD_DATA to another one.';
  if (code === 'EACCES') return `${(error as Error).message}. Check the permissions of the data folder and the port.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
