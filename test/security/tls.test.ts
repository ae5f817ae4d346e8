import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { hostname } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import {
  type LoadedTls,
  loadTls,
  type TlsOptions,
  type TlsSettings,
} from '../../src/security/tls.js';
import { makePem, missing, type Pem, run, writePem } from './certificates.js';
import { TemporaryFolder } from './folder.js';

const folder = new TemporaryFolder();
after(() => folder[Symbol.dispose]());

const noOpenssl = missing('openssl', ['version']);
const noKeytool = missing('keytool', ['-help']);
const pass = 'changeit';
let rsa: Pem;
let ec: Pem;
let rsaFiles: ReturnType<typeof writePem>;

before(async () => {
  rsa = await makePem('rsa');
  ec = await makePem('ec');
  rsaFiles = writePem(folder, 'rsa', rsa);
});

function load(given: Partial<TlsSettings>): Promise<LoadedTls> {
  return loadTls({ keystorePass: pass, keystoreType: 'PKCS12', ...given });
}

async function assertRefused(given: Partial<TlsSettings>, message: string | RegExp): Promise<void> {
  await assert.rejects(load(given), { code: 'INVALID_CONFIGURATION', message });
}

interface Session {
  protocol: string | null;
  fingerprint: string | undefined;
  authorized: boolean;
}

/** What a client sees of a server with these options. */
async function handshake(options: TlsOptions, client: ConnectionOptions = {}): Promise<Session> {
  const server = createServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const socket = connect({
    port: address.port,
    host: '127.0.0.1',
    servername: 'localhost',
    rejectUnauthorized: false,
    ...client,
  });
  try {
    await once(socket, 'secureConnect');
    return {
      protocol: socket.getProtocol(),
      fingerprint: socket.getPeerX509Certificate()?.fingerprint256,
      authorized: socket.authorized,
    };
  } finally {
    socket.destroy();
    server.close();
  }
}

function fingerprint(cert: string): string {
  return new X509Certificate(cert).fingerprint256;
}

/** A PKCS#12 file of a pair. */
function keystoreOf(name: string, pem: Pem, ...more: string[]): string {
  const { privateKeyFile, certificateFile } = writePem(folder, name, pem);
  const path = folder.file(`${name}.p12`);
  const input = ['-inkey', privateKeyFile, '-in', certificateFile];
  run('openssl', [
    'pkcs12',
    '-export',
    ...input,
    '-out',
    path,
    '-passout',
    `pass:${pass}`,
    ...more,
  ]);
  return path;
}

suite('a key and a certificate in PEM', () => {
  for (const [what, type, format] of [
    ['an RSA key in PKCS#1', 'rsa', 'pkcs1'],
    ['an RSA key in PKCS#8', 'rsa', 'pkcs8'],
    ['an EC key in SEC1', 'ec', 'sec1'],
    ['an EC key in PKCS#8', 'ec', 'pkcs8'],
  ] as const) {
    test(`serve: ${what}`, async () => {
      const pem = type === 'rsa' ? rsa : ec;
      const key = createPrivateKey(pem.key).export({ type: format, format: 'pem' }).toString();
      const { options, warnings } = await load(writePem(folder, 'any', { ...pem, key }));
      assert.deepEqual(warnings, []);
      assert.deepEqual(await handshake(options, { ca: pem.cert }), {
        protocol: 'TLSv1.3',
        fingerprint: fingerprint(pem.cert),
        authorized: true,
      });
    });
  }

  test('serve TLS 1.2, and nothing older', async () => {
    const { options } = await load(rsaFiles);
    assert.equal((await handshake(options, { maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
    const old = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const;
    await assert.rejects(handshake(options, old), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  test('are refused when they do not belong together', async () => {
    const other = await makePem('rsa');
    for (const { key } of [other, ec]) {
      const files = writePem(folder, 'mixed', { key, cert: rsa.cert });
      await assertRefused(
        files,
        `the first certificate of certificate_file ${files.certificateFile} does not belong to private_key_file ${files.privateKeyFile}`,
      );
    }
  });

  test('are refused when the chain begins with another certificate', async () => {
    const files = writePem(folder, 'reversed', { ...rsa, cert: `${ec.cert}\n${rsa.cert}` });
    await assertRefused(files, /^the first certificate of certificate_file .* does not belong to /);
  });

  test('are refused when the chain ends in garbage', async () => {
    const cert = `${rsa.cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;
    const files = writePem(folder, 'chain', { ...rsa, cert });
    await assertRefused(
      files,
      /^certificate_file \S+chain\.cert\.pem and private_key_file \S+ cannot be used for TLS: /,
    );
  });

  for (const [format, type] of [
    ['pkcs1', 'PKCS#1'],
    ['pkcs8', 'PKCS#8'],
  ] as const) {
    test(`are refused when the key is encrypted in ${type}`, async () => {
      const key = createPrivateKey(rsa.key)
        .export({ type: format, format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' })
        .toString();
      const files = writePem(folder, 'encrypted', { ...rsa, key });
      await assertRefused(
        files,
        `private_key_file ${files.privateKeyFile} is encrypted, and there is no setting for its passphrase. Write it without: openssl pkey -in ${files.privateKeyFile} -out plain.pem`,
      );
    });
  }

  for (const [what, content] of [
    ['nothing', ''],
    ['garbage', '\0\u0001garbage'],
    ['half of it', '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n'],
  ] as const) {
    test(`are refused when a file holds ${what}`, async () => {
      const noKey = writePem(folder, 'wrong', { key: content, cert: rsa.cert });
      await assertRefused(
        noKey,
        /^private_key_file \S+wrong\.key\.pem holds no private key in PEM: /,
      );
      const noCert = writePem(folder, 'wrong', { key: rsa.key, cert: content });
      await assertRefused(
        noCert,
        /^certificate_file \S+wrong\.cert\.pem holds no certificate in PEM: /,
      );
    });
  }

  test('are refused when they stand in each other’s place', async () => {
    const swapped = writePem(folder, 'swapped', { key: rsa.cert, cert: rsa.key });
    await assertRefused(swapped, /^private_key_file \S+ holds no private key in PEM: /);
  });

  test('are refused when a file is not there, or a folder', async () => {
    await assertRefused(
      { ...rsaFiles, privateKeyFile: '/no/such.pem' },
      /^private_key_file \/no\/such\.pem cannot be read: ENOENT/,
    );
    await assertRefused(
      { ...rsaFiles, certificateFile: folder.path },
      /^certificate_file \S+ cannot be read: EISDIR/,
    );
  });

  test('are refused one without the other', async () => {
    const { privateKeyFile, certificateFile } = rsaFiles;
    await assertRefused(
      { privateKeyFile },
      `private_key_file ${privateKeyFile} needs its certificate: set certificate_file`,
    );
    await assertRefused(
      { certificateFile },
      `certificate_file ${certificateFile} needs its key: set private_key_file`,
    );
  });

  test('serve with a warning when the certificate has expired', async () => {
    const from = new Date('2020-01-01T00:00:00Z');
    const to = new Date('2021-01-01T00:00:00Z');
    const files = writePem(folder, 'expired', await makePem('ec', { from, to }));
    const { options, warnings } = await load(files);
    assert.deepEqual(warnings, [
      `certificate_file ${files.certificateFile} expired on Jan  1 00:00:00 2021 GMT: clients refuse it`,
    ]);
    assert.equal((await handshake(options)).authorized, false);
  });

  test('serve with a warning before the certificate is valid', async () => {
    const from = new Date('2040-01-01T00:00:00Z');
    const to = new Date('2041-01-01T00:00:00Z');
    const files = writePem(folder, 'early', await makePem('ec', { from, to }));
    assert.deepEqual((await load(files)).warnings, [
      `certificate_file ${files.certificateFile} is not valid before Jan  1 00:00:00 2040 GMT`,
    ]);
  });
});

suite('a keystore', { skip: noOpenssl }, () => {
  test('of PKCS12 serves', async () => {
    for (const keystoreType of ['PKCS12', 'pkcs12', 'JKS']) {
      const { options, warnings } = await load({ keystore: keystoreOf('own', rsa), keystoreType });
      assert.deepEqual(warnings, []);
      assert.equal((await handshake(options)).fingerprint, fingerprint(rsa.cert));
    }
  });

  test('counts before a key and a certificate', async () => {
    const { options, warnings } = await load({ ...rsaFiles, keystore: keystoreOf('first', ec) });
    assert.deepEqual(warnings, ['keystore is used; private_key_file and certificate_file are not']);
    assert.equal((await handshake(options)).fingerprint, fingerprint(ec.cert));
  });

  test('serves with a warning when its certificate has expired', async () => {
    const from = new Date('2020-01-01T00:00:00Z');
    const to = new Date('2021-01-01T00:00:00Z');
    const keystore = keystoreOf('expired', await makePem('ec', { from, to }));
    assert.deepEqual((await load({ keystore })).warnings, [
      `keystore ${keystore} expired on Jan  1 00:00:00 2021 GMT: clients refuse it`,
    ]);
  });

  test('is refused with another password, which is not shown', async () => {
    const keystore = keystoreOf('locked', rsa);
    for (const keystorePass of ['hunter2', '']) {
      const message = `keystore_pass does not open keystore ${keystore}`;
      await assertRefused({ keystore, keystorePass }, message);
    }
  });

  test('of another type is refused', async () => {
    const keystore = keystoreOf('typed', rsa);
    await assertRefused(
      { keystore, keystoreType: 'BKS' },
      'keystore_type BKS cannot be read; it must be PKCS12',
    );
  });

  test('of Java is refused, with the command that converts it', { skip: noKeytool }, async () => {
    const keystore = folder.file('java.jks');
    const from = ['-srckeystore', keystoreOf('java', rsa), '-srcstorepass', pass];
    const to = ['-destkeystore', keystore, '-deststoretype', 'JKS', '-deststorepass', pass];
    run('keytool', ['-importkeystore', '-noprompt', '-srcstoretype', 'PKCS12', ...from, ...to]);
    for (const keystoreType of ['JKS', 'PKCS12']) {
      await assertRefused(
        { keystore, keystoreType },
        `keystore ${keystore} has Java's own format, which cannot be read here. Convert it: keytool -importkeystore -srckeystore ${keystore} -destkeystore keystore.p12 -deststoretype PKCS12`,
      );
    }
  });

  test('of an older Java is refused, with the command that writes it anew', async () => {
    const keystore = keystoreOf('legacy', rsa, '-legacy');
    await assertRefused(
      { keystore },
      `keystore ${keystore} is encrypted in a way that OpenSSL 3 has given up, as older Java did. Write it anew: openssl pkcs12 -legacy -in ${keystore} -nodes -out plain.pem && openssl pkcs12 -export -in plain.pem -out keystore.p12 && rm plain.pem`,
    );
  });

  test('without a key, or without a certificate, is refused', async () => {
    await assertRefused(
      { keystore: keystoreOf('keyless', rsa, '-nokeys') },
      /^keystore \S+keyless\.p12 cannot be read as PKCS12: .*private key/,
    );
    await assertRefused(
      { keystore: keystoreOf('bare', rsa, '-nocerts') },
      /^keystore \S+bare\.p12 cannot be read as PKCS12: .*certificate/,
    );
  });

  test('that is cut short, garbage, empty or not there is refused', async () => {
    const whole = readFileSync(keystoreOf('whole', rsa));
    for (const content of [whole.subarray(0, 500), Buffer.from('garbage'), Buffer.alloc(0)]) {
      const keystore = folder.file('broken.p12');
      writeFileSync(keystore, content);
      await assertRefused({ keystore }, /^keystore \S+broken\.p12 cannot be read as PKCS12: /);
    }
    await assertRefused(
      { keystore: '/no/such.p12' },
      /^keystore \/no\/such\.p12 cannot be read: ENOENT/,
    );
  });
});

suite('without a keystore, key or certificate', () => {
  async function selfSigned(
    hosts?: string[],
  ): Promise<LoadedTls & { certificate: X509Certificate; cert: string }> {
    const loaded = await load({ hosts });
    assert.ok('cert' in loaded.options);
    const { cert } = loaded.options;
    return { ...loaded, cert, certificate: new X509Certificate(cert) };
  }

  test('a self-signed certificate is made, with a warning', async () => {
    const { options, warnings, certificate, cert } = await selfSigned();
    assert.deepEqual(warnings, [
      `HTTPS has a self-signed certificate, made for this start: clients cannot know whom they talk to. Name a keystore, or private_key_file and certificate_file. Its SHA-256 fingerprint: ${certificate.fingerprint256}`,
    ]);
    assert.deepEqual(await handshake(options, { ca: cert }), {
      protocol: 'TLSv1.3',
      fingerprint: certificate.fingerprint256,
      authorized: true,
    });
    assert.ok(certificate.checkHost('localhost'));
    assert.ok(certificate.checkIP('127.0.0.1'));
    assert.ok(certificate.checkIP('::1'));
  });

  test('it is valid for a year from now', async () => {
    const { certificate } = await selfSigned();
    const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
    assert.ok(Math.abs(from.getTime() - Date.now()) < 60_000);
    assert.equal(Math.round((to.getTime() - from.getTime()) / 86_400_000), 365);
  });

  test('it is another one at each start', async () => {
    const [first, second] = [await selfSigned(), await selfSigned()];
    assert.notEqual(first.certificate.fingerprint256, second.certificate.fingerprint256);
  });

  test('it names the hosts that listeners are bound to', async () => {
    const { certificate } = await selfSigned(['models.example.org', '10.1.2.3', 'localhost', '::']);
    assert.ok(certificate.checkHost('models.example.org'));
    assert.ok(certificate.checkIP('10.1.2.3'));
    assert.ok(certificate.checkHost(hostname()));
    assert.equal(certificate.checkHost('other.example.org'), undefined);
    assert.ok(!certificate.subjectAltName?.includes('0:0:0:0:0:0:0:0,'));
  });
});
