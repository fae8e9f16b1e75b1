/** The processes of a gateway, as Linux tells of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { treeOf } from '../peers/processes.js';

export interface GatewayPart {
  readonly pid: number;
  /** `gateway`, or the room whose process it is: `engine`, `retrieval`, `retrieval/parser`, … */
  readonly part: string;
  readonly rssMb: number;
  readonly handles: number;
}

/** A process that ends meanwhile is left out. */
export function partsOf(gatewayPid: number): GatewayPart[] {
  return treeOf(gatewayPid).flatMap((pid) => {
    try {
      const program = /dist\/(\S*?)main\.js/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
      const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      if (program === null || rss === null) return [];
      const part = program[1]!.replace('/process', '').replace(/\/$/, '') || 'gateway';
      return [{ pid, part, rssMb: Number(rss[1]) / 1024, handles: readdirSync(`/proc/${pid}/fd`).length }];
    } catch {
      return [];
    }
  });
}
