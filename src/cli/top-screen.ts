import type { EngineLoad, Live, Traffic } from '../metrics/live.js';
import { formatTable } from './terminal.js';

const BAR = 30;
/** More would not fit a screen; the busiest come first. */
const MOST_ROWS = 30;

/** What `switchyard top` shows. */
export function formatTop(live: Live, url: string): string {
  const { notReady, traffic, engines } = live;
  const state = notReady.length === 0 ? 'ready' : `not ready: ${notReady.join(', ')}`;
  return [
    `${url}  ${state}  ${new Date(live.atMs).toISOString().slice(11, 19)} UTC`,
    '',
    `answers      ${rate(live.requestsPerS)} a second, ${rate(live.errorsPerS)} errors`,
    `tokens       ${rate(live.completionTokensPerS)} written a second, ${rate(live.promptTokensPerS)} read`,
    `first token  ${ms(live.firstTokenP50S)} median, ${ms(live.firstTokenP95S)} at most for 95 of 100`,
    `slots        ${toBar(live)}`,
    // One is all of them.
    ...(engines.length < 2
      ? []
      : engines.map((one) => `  ${one.engine.padEnd(10)} ${toBar(one)}${one.ready ? '' : ', not ready'}`)),
    `adapters     ${live.adaptersResident} loaded`,
    `documents    ${live.passages} passages, ${live.ingestQueue} files waiting`,
    `memory       ${(live.rssBytes / 1e9).toFixed(2)} GB, child processes included`,
    '',
    traffic.length === 0 ? 'No answer was asked for yet.\n' : formatTable(traffic.slice(0, MOST_ROWS).map(toRow)),
  ].join('\n');
}

function toBar({ slots, slotsInUse, queued }: Pick<EngineLoad, 'slots' | 'slotsInUse' | 'queued'>): string {
  const filled = slots === 0 ? 0 : Math.round((Math.min(slotsInUse, slots) / slots) * BAR);
  return `[${'#'.repeat(filled)}${' '.repeat(BAR - filled)}] ${slotsInUse} of ${slots}, ${queued} waiting`;
}

function toRow({ tenant, deployment, adapter, arm, requests, requestsPerS, tokensPerS, firstTokenS }: Traffic) {
  return {
    tenant,
    deployment,
    version: adapter,
    arm,
    answers: requests,
    'a second': rate(requestsPerS),
    'tokens/s': rate(tokensPerS),
    'first token': ms(firstTokenS),
  };
}

function rate(value: number | null): string {
  return value === null ? '-' : value === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function ms(seconds: number | null): string {
  return seconds === null ? '-' : `${Math.round(seconds * 1000)} ms`;
}
