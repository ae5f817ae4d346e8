import { timingSafeEqual } from 'node:crypto';
import type { Key } from './key-file.js';

/** Letter case counts, as in TorchServe. */
const bearer = /^Bearer[ \t]+([^ \t]+)$/;

/** Whether an Authorization header has this key, and the key is still valid. */
export function holdsKey(
  { key, expires }: Key,
  authorization: string | undefined,
  now: Date,
): boolean {
  const given = bearer.exec(authorization ?? '')?.[1];
  if (given === undefined || !isSame(given, key)) return false;
  return expires === undefined || now < expires;
}

/** Takes as long for a key that is nearly right as for any other. The length is no secret. */
function isSame(given: string, key: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(key)];
  return a.length === b.length && timingSafeEqual(a, b);
}
