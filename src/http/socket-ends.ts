import type { Socket } from 'node:net';

/** What an encrypted socket and the socket under it have in common, and no two connections do. */
export function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
