import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from '../config/schema.js';
import { bad, type Finding, good, poor } from './finding.js';

const DAY_MS = 86_400_000;
/** Authorities renew a certificate of 90 days a month before its end: what is later than this was not renewed. */
const RENEWED_BEFORE_DAYS = 14;

/** Whether the certificate can be used, and for how long. */
export function checkCertificate({ tls: { certFile, keyFile } }: Config, nowMs = Date.now()): Finding[] {
  if (certFile === '') return [];
  const what = 'certificate';
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(certFile));
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))) {
      return [bad(what, `${keyFile} is not the key of ${certFile}`, 'Put both files of one certificate there.')];
    }
  } catch (error) {
    const advice = 'Set tls.certFile and tls.keyFile to files in PEM that the gateway may read.';
    return [bad(what, (error as Error).message, advice)];
  }
  const { subjectAltName, validTo } = certificate;
  const daysLeft = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);
  const found = `${certFile} for ${subjectAltName ?? 'no name'}, valid until ${validTo}`;
  const advice = 'Renew it: the gateway takes over the new files without a restart.';
  if (daysLeft < 0) return [bad(what, found, advice)];
  return [daysLeft < RENEWED_BEFORE_DAYS ? poor(what, found, advice) : good(what, found)];
}
