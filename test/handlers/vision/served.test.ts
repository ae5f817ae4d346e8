import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ModelConfig } from '../../../src/config/model-config.js';
import type { ModelSource } from '../../../src/models/model-source.js';
import { expectedImages, imageFile, imagePath } from '../../support/image-fixtures.js';
import { source, startServer, type TestServer } from '../../support/server.js';
import { modelConfig } from './native-model.js';
import { assertSameJson } from './same-json.js';

const file = imageFile('420.jpg');
const base64 = Buffer.from(file).toString('base64');

function imageModel(name: string, file: string, handler: string): ModelSource {
  // `handler` is a key of the handler's, which ModelConfig does not name.
  const config: ModelConfig & typeof modelConfig = modelConfig;
  return source(name, { path: imagePath(file), handler, config });
}

suite('image handlers behind HTTP', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer([
      imageModel('classifier', 'classifier.pt', 'image_classifier'),
      imageModel('segmenter', 'segmenter.pt', 'image_segmenter'),
    ]);
  });
  after(() => server.close());

  function form(name: string): { body: Buffer; type: string } {
    const head = `--x\r\ncontent-disposition: form-data; name="${name}"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(head), file, Buffer.from('\r\n--x--\r\n')]);
    return { body, type: 'multipart/form-data; boundary=x' };
  }

  const forms: [string, Uint8Array | string, string | undefined][] = [
    ['the file itself', file, undefined],
    ['the file as an image', file, 'image/jpeg'],
    ['the file as curl -d sends it', file, 'application/x-www-form-urlencoded'],
    ['the file as text', file, 'text/plain'],
    ['a part data', form('data').body, form('data').type],
    ['a part body', form('body').body, form('body').type],
    ['base64', base64, 'text/plain'],
    ['base64 in JSON', JSON.stringify(base64), 'application/json'],
    ['a data URL', `data:image/jpeg;base64,${base64}`, 'text/plain'],
  ];
  for (const [what, body, type] of forms) {
    test(`${what} is classified`, async () => {
      const headers = type === undefined ? {} : { 'content-type': type };
      const reply = await server.client.predict('classifier', body, { headers });
      assert.equal(reply.status, 200, reply.text);
      assertSameJson(reply.text, expectedImages.classifier.unlabelled);
    });
  }

  test('a list of numbers is classified as it is', async () => {
    const zeros = Array.from({ length: 3 }, () =>
      Array.from({ length: 64 }, () => Array(64).fill(0)),
    );
    const headers = { 'content-type': 'application/json' };
    const reply = await server.client.predict('classifier', JSON.stringify(zeros), { headers });
    assert.equal(reply.status, 200, reply.text);
    const wrong = await server.client.predict('classifier', '[[1]]', { headers });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /shape \[1, 1\]; the model takes \[3, 64, 64\]/);
  });

  test('an image is segmented', async () => {
    const reply = await server.client.predict('segmenter', file);
    assertSameJson(reply.text, expectedImages.segmenter);
  });

  test('what is no image is refused, and others are served beside it', async () => {
    const bodies = [new Uint8Array(0), Buffer.from('<html>'), file.subarray(0, 900), file];
    const replies = await Promise.all(
      Array.from({ length: 80 }, (_, i) => server.client.predict('classifier', bodies[i % 4])),
    );
    const statuses = replies.map(({ status }) => status);
    assert.deepEqual(
      statuses,
      Array.from({ length: 80 }, (_, i) => (i % 4 === 3 ? 200 : 400)),
    );
    assert.match(replies[2]?.text ?? '', /the JPEG image cannot be read/);
  });
});

test('a wrong option fails the load, naming it', async () => {
  const config: ModelConfig & object = { handler: { crop: 'small' } };
  const model = source('classifier', {
    path: imagePath('classifier.pt'),
    handler: 'image_classifier',
    config,
  });
  await using server = await startServer([model]);
  const { loaded } = server.service.version('classifier', '1.0');
  await assert.rejects(loaded, /handler\.crop must be integer/);
});
