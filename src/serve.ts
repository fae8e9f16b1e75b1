import closeWithGrace from 'close-with-grace';
import { createApp } from './app.js';
import { loadConfig } from './config/load.js';
import { outliveReaders } from './processes/outlive-readers.js';
import { startMessage } from './start-message.js';

/** The process of a gateway: loads the configuration, builds the app, listens, closes gracefully. It ends the process where that fails. */
export async function serve(): Promise<void> {
  outliveReaders();
  // Documents, keys and records are their owner's alone.
  process.umask(0o077);
  try {
    const config = loadConfig();
    const app = await createApp(config);
    closeWithGrace({ delay: config.server.drainTimeoutMs + 5000, logger: app.server.log }, async ({ err, signal }) => {
      const { log } = app.server;
      // Who looks for why a gateway is gone has to tell a stop from a death.
      if (err) log.error(err, 'stopping after an error');
      else log.info({ signal }, 'asked to stop: what is under way may end');
      await app.close();
      log.info('stopped');
    });
    await app.start();
  } catch (error) {
    process.stderr.write(`switchyard: ${startMessage(error)}\n`);
    process.exit(1);
  }
}
