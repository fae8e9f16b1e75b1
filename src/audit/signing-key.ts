import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditCheckpoint } from '../contracts/audit.js';
import { AppError } from '../errors/app-error.js';

/** Below the data folder. */
export const KEY_FILE = 'audit-key.pem';

type Head = Omit<AuditCheckpoint, 'signature'>;

/** The key that heads of the log are signed with: made once, for the owner of the data folder alone. */
export function openSigningKey(dataDir: string): KeyObject {
  const file = join(dataDir, KEY_FILE);
  return readKey(file) ?? createKey(file);
}

/** The key as PEM: made where there is none. */
export function readSigningKey(dataDir: string): string {
  return toPem(openSigningKey(dataDir));
}

/** Gives a data folder the key that others sign the same log with. @throws AppError `config_invalid` where it has another one */
export function adoptSigningKey(dataDir: string, pem: string): void {
  const file = join(dataDir, KEY_FILE);
  const own = readKey(file);
  if (own === null) keepKey(file, pem);
  else if (toPem(own) !== pem) {
    throw new AppError('config_invalid', {
      reason: `${file} is another key than the one that the shared registry signs its audit log with. Use an empty data folder`,
    });
  }
}

/** What the signatures of a data folder are checked with. @throws AppError `config_invalid` where it has no key */
export function readPublicKey(dataDir: string): KeyObject {
  const key = readKey(join(dataDir, KEY_FILE));
  if (key) return createPublicKey(key);
  throw new AppError('config_invalid', {
    reason: `${join(dataDir, KEY_FILE)} is missing, which a gateway makes when it starts. Name the public key with --public-key`,
  });
}

export function signHead(key: KeyObject, head: Head): string {
  return sign(null, signed(head), key).toString('base64');
}

export function isSigned({ signature, ...head }: AuditCheckpoint, publicKey: KeyObject): boolean {
  return verify(null, signed(head), publicKey, Buffer.from(signature, 'base64'));
}

function signed({ log, tenant, seq, hash }: Head): Buffer {
  return Buffer.from(JSON.stringify(['switchyard-audit-1', log, tenant, seq, hash]));
}

function readKey(file: string): KeyObject | null {
  try {
    return createPrivateKey(readFileSync(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('config_invalid', {
      reason: `${file} cannot be read as a private key: ${(error as Error).message}`,
    });
  }
}

function createKey(file: string): KeyObject {
  keepKey(file, toPem(generateKeyPairSync('ed25519').privateKey));
  return readKey(file)!;
}

function toPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Whole or not at all: a process that is killed meanwhile leaves no half of a key, and of two that start one wins. */
function keepKey(file: string, pem: string): void {
  const temporary = `${file}.partial-${process.pid}`;
  rmSync(temporary, { force: true });
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(descriptor, pem);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary);
  }
}
