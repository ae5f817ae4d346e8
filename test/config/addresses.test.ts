import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseAddress } from '../../src/config/addresses.js';
import { refusalOf } from './refusal.js';

suite('an address', () => {
  test('names scheme, host and port', () => {
    const given: [string, object][] = [
      ['http://127.0.0.1:8080', { scheme: 'http', host: '127.0.0.1', port: 8080 }],
      ['https://example.org:1', { scheme: 'https', host: 'example.org', port: 1 }],
      ['HTTP://localhost:0', { scheme: 'http', host: 'localhost', port: 0 }],
      ['http://[::1]:9000', { scheme: 'http', host: '::1', port: 9000 }],
      ['https://[fe80::1%eth0]', { scheme: 'https', host: 'fe80::1%eth0', port: 443 }],
      ['unix:/tmp/a b.sock', { scheme: 'unix', path: '/tmp/a b.sock' }],
      ['UNIX:/x', { scheme: 'unix', path: '/x' }],
    ];
    for (const [text, address] of given) {
      assert.deepEqual(parseAddress(text, 'inference'), address);
    }
  });

  test('without a port takes the one of its listener', () => {
    const ports = [
      ['inference', 80, 443],
      ['management', 8081, 8444],
      ['metrics', 8082, 8445],
    ] as const;
    for (const [kind, http, https] of ports) {
      assert.deepEqual(parseAddress('http://a', kind), { scheme: 'http', host: 'a', port: http });
      assert.deepEqual(parseAddress('https://a', kind), {
        scheme: 'https',
        host: 'a',
        port: https,
      });
    }
  });

  test('has a port below 65535, as with TorchServe', () => {
    assert.deepEqual(parseAddress('http://a:65534', 'metrics'), {
      scheme: 'http',
      host: 'a',
      port: 65_534,
    });
    for (const port of ['65535', '99999', '9'.repeat(400)]) {
      assert.equal(
        refusalOf(() => parseAddress(`http://a:${port}`, 'inference')),
        `Invalid port number: http://a:${port}`,
      );
    }
  });

  test('of another form is refused', () => {
    for (const text of [
      ...['', 'localhost:8080', 'ftp://a', 'http://', 'http://:80', 'http://a:', 'http://a:-1'],
      ...[
        'http://a:b',
        'http://a/b',
        'http://::1:80',
        'http://[x]:1',
        'http://[::1',
        'http://[]:1',
        'http://a b:1',
        'unix:x',
        'unix:',
      ],
      ...[' http://a', 'http://a:80/', 'http://a:80\n'],
    ]) {
      assert.equal(
        refusalOf(() => parseAddress(text, 'inference')),
        `Invalid binding address: ${text}`,
      );
    }
  });
});
