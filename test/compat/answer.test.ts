import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutAdditions } from './additions.js';
import { type Answer, differences, toAnswer } from './answer.js';
import { withNumbersOf } from './near-numbers.js';

const id = '0b5f6f0e-5a43-4f3c-9d4e-0d3b3a1f2c4d';

function answerOf(body: string, headers: [string, string][] = []): Answer {
  const reply = { statusLine: 'HTTP/1.1 200 OK', headers, body: Buffer.from(body), closed: false };
  return toAnswer(reply, new Map([['/tmp/x/store', '<store>']]));
}

describe('answers that can be compared', () => {
  it('have no ids, times, numbers of processes, hosts and folders of their run', () => {
    const body = [
      '"startTime": "2026-11-22T13:02:58.393Z"',
      '"pid": 12',
      '"memoryUsage": 5',
      '"id": "9000"',
      '{Level="Host",Hostname="vm",}',
      '/tmp/x/store/m.mar',
    ].join('\n');
    assert.deepEqual(answerOf(body, [['x-request-id', id]]), {
      status: 'HTTP/1.1 200 OK',
      headers: ['x-request-id: <id>'],
      body: [
        '"startTime": "<time>"',
        '"pid": "<number>"',
        '"memoryUsage": "<number>"',
        '"id": "<digits>"',
        '{Level="Host",Hostname="<host>",}',
        '<store>/m.mar',
      ],
      closed: false,
    });
  });

  it('keep what is not as it should be: a foreign id, a wrong length, a time of another form', () => {
    const { headers, body } = answerOf('"startTime": "now"', [
      ['x-request-id', 'mine'],
      ['content-length', '3'],
    ]);
    assert.deepEqual(headers, ['x-request-id: mine', 'content-length: 3']);
    assert.deepEqual(body, ['"startTime": "now"']);
  });

  it('have the length of what they hold', () => {
    const body = '"pid": 1234567890123';
    const { headers } = answerOf(body, [['content-length', String(body.length)]]);
    assert.deepEqual(headers, ['content-length: 17']);
  });

  it('differ in status, headers, body and what becomes of the connection', () => {
    const one = answerOf('a\nb', [['A', '1']]);
    assert.deepEqual(differences(one, one), []);
    const other = { status: 'HTTP/1.1 200 ', headers: ['a: 1'], body: ['a', 'c'], closed: true };
    assert.deepEqual(
      differences(one, other).map((text) => text.split('\n', 1).join()),
      ['status', 'headers', 'body', 'connection'],
    );
  });

  it('lose what Sconce adds, and nothing else', () => {
    const pretty = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
    const body = pretty([{ modelName: 'm', sconce: { state: 'ready' } }]);
    const { headers, body: lines } = withoutAdditions(
      answerOf(body, [
        ['retry-after', '1'],
        ['content-length', String(body.length)],
      ]),
    );
    const reduced = pretty([{ modelName: 'm' }]);
    assert.equal(lines.join('\n'), reduced);
    assert.deepEqual(headers, [`content-length: ${reduced.length}`]);
    for (const text of ['{"reason":"x"}', 'text', pretty({ deep: { reason: 'x' } }), 'null\n']) {
      assert.equal(withoutAdditions(answerOf(text)).body.join('\n'), text);
    }
  });

  it('may differ in the last digits of numbers, where a case says so, and in nothing else', () => {
    const length = (body: string): [string, string][] => [['content-length', `${body.length}`]];
    const made = (body: string) => answerOf(body, length(body));
    const theirs = made('{"cat 3": 0.123456789, "dog": [-2.5e-05, 7]}');
    const near = (body: string) =>
      differences(theirs, withNumbersOf(theirs, made(body), 1e-4)).length === 0;
    assert.ok(near('{"cat 3": 0.12345, "dog": [-2.5e-05, 7.0001]}'));
    assert.ok(near('{"cat 3": 0.123456789, "dog": [-2.506e-05, 7]}'), 'small beside the largest');
    assert.ok(!near('{"cat 3": 0.123456789, "dog": [0.0, 7]}'));
    for (const body of [
      '{"cat 3": 0.1236, "dog": [-2.5e-05, 7]}',
      '{"cat 4": 0.123456789, "dog": [-2.5e-05, 7]}',
      '{"cat 3": 0.123456789, "dog": [-2.5e-05, 7, 7]}',
      '{"cow 3": 0.123456789, "dog": [-2.5e-05, 7]}',
      '{"cat 3": NaN, "dog": [-2.5e-05, 7]}',
    ]) {
      assert.ok(!near(body), body);
    }
  });
});
