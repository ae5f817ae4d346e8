import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { SconceError } from '../../src/errors.js';
import { readMultipart } from '../../src/http/multipart.js';

const type = 'multipart/form-data; boundary=B';
const mostParts = 100;

/** A part with a field's headers; others before it where they are given. */
function part(name: string, value: string, headers = ''): string {
  return `--B\r\n${headers}Content-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

/** Name, value as latin1 text, and type of each part. */
function read(body: string, contentType = type): [string, string, string | undefined][] {
  const parts = readMultipart(contentType, Buffer.from(body, 'latin1'), mostParts);
  return parts.map(({ name, value, contentType: own }) => [
    name,
    Buffer.from(value).toString('latin1'),
    own,
  ]);
}

suite('a multipart body', () => {
  test('has its parts in order, each with its bytes', () => {
    assert.deepEqual(read(`${part('a', '1')}${part('a', '')}${part('b', '\r\n\0ÿ--B')}--B--`), [
      ['a', '1', undefined],
      ['a', '', undefined],
      ['b', '\r\n\0ÿ--B', undefined],
    ]);
  });

  test('may have nothing in it', () => {
    assert.deepEqual(read('--B--'), []);
    assert.deepEqual(read('--B--\r\n'), []);
  });

  test('may have something before and behind its parts', () => {
    assert.deepEqual(read(`not a part\r\n--Bx\r\n\r\n${part('a', '1')}--B--\r\nnor this --B\r\n`), [
      ['a', '1', undefined],
    ]);
  });

  test('takes for a boundary only what is one', () => {
    const value = 'x--B\r\n--Bx\r\n--B \tx\r\n-B--';
    assert.deepEqual(read(`${part('a', value)}--B \t\r\n${part('b', '2').slice(5)}--B--`), [
      ['a', value, undefined],
      ['b', '2', undefined],
    ]);
  });

  test('keeps the type of a file, without its parameters, and of no field', () => {
    const file = (headers: string, disposition: string) =>
      `--B\r\n${headers}content-disposition: form-data; ${disposition}\r\n\r\nx\r\n`;
    const json = 'CONTENT-TYPE: Application/JSON; charset=nonsense\r\n';
    assert.deepEqual(
      read(
        [
          file(json, 'name=a; filename=f.json'),
          file(json, 'filename=""; name="a"'),
          file(json, `name="a"; filename*=utf-8''%e2%82%ac`),
          file('', 'name="a"; filename="x"'),
          file(json, 'name="a"'),
          file('Content-Type: application/octet-stream\r\n', 'name="a"'),
          '--B--',
        ].join(''),
      ).map(([, , own]) => own),
      [
        'application/json',
        'application/json',
        'application/json',
        undefined,
        undefined,
        'application/octet-stream',
      ],
    );
  });

  const names: [string, string][] = [
    ['"a b"', 'a b'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"a;name=b"', 'a;name=b'],
    ['""', ''],
    ['plain', 'plain'],
    ['"constructor"', 'constructor'],
    ['"Ã©"', 'é'],
    [`"${'n'.repeat(100_000)}"`, 'n'.repeat(100_000)],
  ];
  for (const [written, name] of names) {
    test(`reads the name ${written.slice(0, 20)}`, () => {
      const body = `--B\r\nContent-Disposition: form-data; name=${written}\r\n\r\n\r\n--B--`;
      assert.deepEqual(read(body), [[name, '', undefined]]);
    });
  }

  const boundaries: [string, string][] = [
    ['multipart/form-data;boundary="a b"', 'a b'],
    ['Multipart/Form-Data; charset=x; BOUNDARY=x', 'x'],
    ['multipart/form-data; boundary=x; boundary=y', 'x'],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ];
  for (const [contentType, boundary] of boundaries) {
    test(`of the type ${contentType}`, () => {
      const body = part('a', '1').replace('B', boundary);
      assert.deepEqual(read(`${body}--${boundary}--`, contentType), [['a', '1', undefined]]);
    });
  }

  const nameless = 'has no header Content-Disposition: form-data; name="…"';
  const refused: [string, string, string, string?][] = [
    ['that is empty', '', 'it does not hold its boundary B'],
    ['of another boundary', '--C--', 'it does not hold its boundary B'],
    ['that is cut short', part('a', '1'), 'it ends before its last boundary'],
    ['that ends in a boundary', `${part('a', '1')}--B\r\n`, 'it ends before its last boundary'],
    ['that ends in headers', `${part('a', '1')}--B\r\nx: y`, 'it ends before its last boundary'],
    [
      'with a part of nothing',
      '--B\r\n\r\n--B--',
      'its part 1 has no empty line behind its headers',
    ],
    [
      'with a part of headers',
      '--B\r\nx: y\r\n--B--',
      'its part 1 has no empty line behind its headers',
    ],
    ['with a part without headers', '--B\r\n\r\n\r\n\r\n--B--', `its part 1 ${nameless}`],
    [
      'with a part without a name',
      `${part('a', '1')}--B\r\nContent-Disposition: form-data; filename="x"\r\n\r\n\r\n--B--`,
      `its part 2 ${nameless}`,
    ],
    [
      'with an attachment',
      '--B\r\nContent-Disposition: attachment; name="x"\r\n\r\n\r\n--B--',
      `its part 1 ${nameless}`,
    ],
    ['with 101 parts', `${part('a', '1').repeat(101)}--B--`, 'it has more than 100 parts'],
    [
      'of a type that is not read',
      '--B--',
      'of the multipart types only that is read, not multipart/mixed; boundary=B',
      'multipart/mixed; boundary=B',
    ],
    ...[
      'multipart/form-data',
      'multipart/form-data; boundary',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary=""',
      `multipart/form-data; boundary=${'x'.repeat(71)}`,
    ].map((contentType): [string, string, string, string] => [
      `of the type ${contentType}`,
      '--B--',
      `its content-type must name a boundary of 1 to 70 characters: ${contentType}`,
      contentType,
    ]),
  ];
  for (const [what, body, why, contentType] of refused) {
    test(`is refused ${what}`, () => {
      assert.throws(() => read(body, contentType), {
        code: 'INVALID_REQUEST',
        message: `the body is not multipart/form-data: ${why}`,
      });
    });
  }

  test('gives back what was put into it, whatever that is', () => {
    const text = fc.string({ unit: fc.constantFrom('-', 'B', '\r', '\n', 'x', '\0') });
    const value = text.filter((candidate) => !`\r\n${candidate}\r\n`.includes('\r\n--B'));
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const body = `${values.map((each) => part('a', each)).join('')}--B--`;
        assert.deepEqual(
          read(body),
          values.map((each) => ['a', each, undefined]),
        );
      }),
    );
  });

  test('of pieces in any order is read or refused', () => {
    const pieces = [
      ...['--B', '--B--', '\r\n', '\n', '\r\n\r\n', ': ', ';', '"', '\\', '=', '\0', 'x'],
      ...['Content-Disposition: form-data; name="a"', '; filename*', 'Content-Type: a/b; charset='],
    ];
    const body = fc.array(fc.constantFrom(...pieces)).map((chosen) => chosen.join(''));
    fc.assert(
      fc.property(body, (text) => {
        try {
          read(text);
        } catch (error) {
          assert.ok(error instanceof SconceError && error.code === 'INVALID_REQUEST');
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('of megabytes that look like boundaries takes no time', () => {
    const boundary = '-'.repeat(70);
    const body = Buffer.alloc(6_000_000, `\r\n--${'-'.repeat(69)}`);
    const start = performance.now();
    assert.throws(() => readMultipart(`multipart/form-data; boundary=${boundary}`, body, 10));
    const quoted = `multipart/form-data; ${';a="'.repeat(1_000_000)}`;
    assert.throws(() => readMultipart(quoted, body, 10));
    assert.ok(performance.now() - start < 2000);
  });
});
