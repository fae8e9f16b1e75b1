import { BlockList, isIP } from 'node:net';

/** Networks that are not the public internet (IANA's special-purpose registries); mapped forms of IPv4 count as IPv4. */
const NETWORKS: readonly [address: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 127],
  // Both hold an address of IPv4 in them.
  ['64:ff9b::', 32],
  ['2002::', 16],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

const list = new BlockList();
for (const [address, prefix] of NETWORKS) list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Whether an address may belong to somebody's own network, or to this machine. */
export function isPrivate(address: string): boolean {
  const family = isIP(address);
  return family === 0 || list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
