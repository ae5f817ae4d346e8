import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { TokenAuthority } from '../../src/security/token-authority.js';
import { HttpClient } from '../support/http-client.js';
import { source, startServer } from '../support/server.js';

const folder = await mkdtemp(join(tmpdir(), 'sconce-'));
const keyFile = join(folder, 'key_file.json');
const authority = await TokenAuthority.create({ keyFile, expirationMinutes: 60 });
after(() => rm(folder, { recursive: true }));

async function keys(): Promise<Record<string, { key: string }>> {
  return JSON.parse(await readFile(keyFile, 'utf8'));
}

function bearer(key: string | undefined): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${key}` } };
}

suite('keys on acceptor threads', () => {
  test('are asked for, and a renewed one counts from the moment of its renewal', async () => {
    await using server = await startServer([source('double')], { httpThreads: 2 }, { authority });
    const { client, addresses } = server;
    const { inference, management, API } = await keys();
    assert.equal((await client.predict('double', [1])).status, 400);
    assert.equal((await client.predict('double', [1], bearer(management?.key))).status, 400);
    assert.equal((await client.predict('double', [1], bearer(inference?.key))).status, 200);
    const manager = new HttpClient(addresses.management);
    await manager.send('/token?type=inference', undefined, { method: 'GET', ...bearer(API?.key) });
    const renewed = await keys();
    assert.equal((await client.predict('double', [1], bearer(inference?.key))).status, 400);
    assert.equal((await client.predict('double', [1], bearer(renewed.inference?.key))).status, 200);
    manager.close();
  });
});
