import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { suite, test } from 'node:test';
import { exampleRequest } from '../../src/cli/example-request.js';
import type { ModelConfig } from '../../src/config/model-config.js';
import type { ModelSource } from '../../src/models/model-source.js';
import { handled } from '../models/handled/handled.js';
import { source, startService } from '../support/server.js';

async function commandFor(
  given: Partial<ModelSource>,
  { address = 'http://127.0.0.1:8080', keyFile }: { address?: string; keyFile?: string } = {},
): Promise<string> {
  const service = startService([source('double', given)]);
  const version = service.version('double');
  await version.loaded;
  const command = await exampleRequest(address, version, keyFile);
  await service.close();
  return command;
}

const config: ModelConfig = { inputs: [{ name: 'x', dtype: 'float32', shape: [2, 1] }] };
const json = "-H 'content-type: application/json'";

suite('the command that is printed at the start', () => {
  test('sends the request.json beside the model', async () => {
    const folder = `${process.cwd()}/examples/alpha_model`;
    assert.equal(
      await commandFor({ folder }),
      `curl -X POST http://127.0.0.1:8080/predictions/double ${json} -d '@examples/alpha_model/request.json'`,
    );
  });

  test('sends the image beside a model that takes images', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sconce-example-'));
    writeFileSync(join(folder, 'request.jpg'), '');
    try {
      assert.equal(
        await commandFor({ folder }),
        `curl -X POST http://127.0.0.1:8080/predictions/double -H 'content-type: image/jpeg' --data-binary '@${relative(process.cwd(), folder)}/request.jpg'`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('else sends zeros of the shapes that are configured', async () => {
    assert.equal(
      await commandFor({ config }),
      `curl -X POST http://127.0.0.1:8080/predictions/double ${json} -d '{"x":[[0],[0]]}'`,
    );
  });

  for (const [what, inputs] of [
    ['is open', [{ name: 'x', shape: [-1] }]],
    ['would fill the screen', [{ name: 'x', shape: [257] }]],
  ] as const) {
    test(`is a form to fill in when the shape ${what}`, async () => {
      const command = await commandFor({
        config: { inputs: inputs.map((input) => ({ ...input, shape: [...input.shape] })) },
      });
      assert.match(command, / -d '\{"instances": \[\.\.\.\]\}'$/);
    });
  }

  test("is a form to fill in for a handler of the model's own", async () => {
    const code = 'export class Own extends BaseHandler {}';
    const { handler, handlerCode, folder } = handled('double', code);
    assert.match(await commandFor({ config, handler, handlerCode, folder }), / -d '\{\.\.\.\}'$/);
  });

  test('brings the key where tokens are asked for', async () => {
    const command = await commandFor({ config }, { keyFile: '/srv/key_file.json' });
    assert.ok(
      command.includes(
        `-H "authorization: Bearer $(node -p "require('/srv/key_file.json').inference.key")"`,
      ),
      command,
    );
  });

  test('reaches TLS and Unix sockets', async () => {
    assert.match(
      await commandFor({ config }, { address: 'https://localhost:8443' }),
      /^curl -X POST --insecure https:\/\/localhost:8443\/predictions\/double /,
    );
    assert.match(
      await commandFor({ config }, { address: 'unix:/run/sconce' }),
      /^curl -X POST --unix-socket \/run\/sconce http:\/\/localhost\/predictions\/double /,
    );
  });
});
