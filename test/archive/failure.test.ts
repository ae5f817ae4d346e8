import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemReason } from '../../src/archive/failure.js';

/** What the system says. */
function refusal(message: string, code: string, path?: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code, ...(path === undefined ? {} : { path }) });
}

test('a full disk is named by the folder that was being filled', () => {
  const full = refusal('ENOSPC: no space left on device, write', 'ENOSPC');
  assert.equal(
    systemReason(full, '/tmp/models'),
    'ENOSPC: no space left on device, write: /tmp/models is full; set TMPDIR to a folder with more room',
  );
});

test('a refusal that names its path is left as it is, others name the folder', () => {
  const named = refusal("EACCES: permission denied, open '/x'", 'EACCES', '/x');
  assert.equal(systemReason(named, '/tmp/models'), named.message);
  assert.equal(
    systemReason(refusal('EIO: i/o error, write', 'EIO'), '/tmp/models'),
    'EIO: i/o error, write (unpacking to /tmp/models)',
  );
});
