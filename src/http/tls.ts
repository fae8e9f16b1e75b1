import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { AppError } from '../errors/app-error.js';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string;
}

type Log = Record<'info' | 'error', (fields: object, message: string) => void>;

/** How often the files are looked at: certificates live for days. */
const LOOK_EVERY_MS = 5000;

/** @returns null: plain HTTP. @throws AppError `config_invalid` for files that are none, or do not belong together */
export function readTls(files: TlsFiles): TlsOptions | null {
  if (files.certFile === '') return null;
  try {
    const context: SecureContextOptions = {
      cert: readFileSync(files.certFile),
      key: readFileSync(files.keyFile),
      minVersion: 'TLSv1.2',
      ...(files.clientCaFile !== '' && { ca: readFileSync(files.clientCaFile) }),
    };
    createSecureContext(context);
    return { ...context, ...(files.clientCaFile !== '' && { requestCert: true, rejectUnauthorized: true }) };
  } catch (error) {
    const reason = `the files of tls cannot be used: ${(error as Error).message}`;
    throw new AppError('config_invalid', { reason }, { cause: error });
  }
}

/**
 * Takes over certificates that change, at SIGHUP or when their files do; connections that are open keep theirs. Files that
 * cannot be used are logged, and those of before stay.
 * @returns what ends it
 */
export function reloadTls(servers: readonly Server[], files: TlsFiles, log: Log): () => void {
  if (files.certFile === '') return () => {};
  let seen = stampOf(files);
  const reload = () => {
    seen = stampOf(files);
    try {
      const options = readTls(files)!;
      for (const server of servers) (server as Server & TlsServer).setSecureContext(options);
      log.info({ certFile: files.certFile }, 'the certificate was read again');
    } catch (error) {
      log.error({ err: error }, 'the certificate of before stays');
    }
  };
  const timer = setInterval(() => {
    if (stampOf(files) !== seen) reload();
  }, LOOK_EVERY_MS).unref();
  process.on('SIGHUP', reload);
  return () => {
    clearInterval(timer);
    process.off('SIGHUP', reload);
  };
}

/** Another text when a file was changed or put in another's place. */
function stampOf({ certFile, keyFile, clientCaFile }: TlsFiles): string {
  const files = [certFile, keyFile, clientCaFile].filter((file) => file !== '');
  return files.map((file) => toStamp(statSync(file, { throwIfNoEntry: false }))).join();
}

const toStamp = (stats: { readonly mtimeMs: number; readonly ino: number } | undefined): string =>
  stats === undefined ? '-' : `${stats.ino} ${stats.mtimeMs}`;
