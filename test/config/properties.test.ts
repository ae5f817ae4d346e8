import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseProperties } from '../../src/config/properties.js';
import { SconceError } from '../../src/errors.js';
import { refusalOf } from './refusal.js';

const environment = { HOME: '/home/me', EMPTY: '', MONEY: '$$HOME$$ $&' };

function parse(content: string | Uint8Array): Record<string, [value: string, line: number]> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const { values } = parseProperties(bytes, 'dir/c.properties', environment);
  return Object.fromEntries([...values].map(([key, { value, line }]) => [key, [value, line]]));
}

suite('a properties file', () => {
  test('separates keys with =, : or space', () => {
    assert.deepEqual(parse('a=1\nb:2\nc 3\nd = 4\n  e\t:\t5\nf==6\ng'), {
      a: ['1', 1],
      b: ['2', 2],
      c: ['3', 3],
      d: ['4', 4],
      e: ['5', 5],
      f: ['=6', 6],
      g: ['', 7],
    });
  });

  test('has comments and empty lines', () => {
    assert.deepEqual(parse('# a=1\n\n! b=2 \\\n  c=3\n   # d=4\ne=#5\n'), {
      c: ['3', 4],
      e: ['#5', 6],
    });
  });

  test('continues lines, and counts them', () => {
    assert.deepEqual(parse('a=1,\\\n   2,\\\n\t# 3\nb\\\n  c=\\\n  4\nd=5\\'), {
      a: ['1,2,# 3', 1],
      bc: ['4', 4],
      d: ['5', 7],
    });
  });

  test('ends its lines as any system does', () => {
    assert.deepEqual(parse('a=1\r\nb=2\\\r\n  3\r\n\r\nc\\\r\n  d=4\re=5'), {
      a: ['1', 1],
      b: ['23', 2],
      cd: ['4', 5],
      e: ['5', 7],
    });
  });

  test('escapes characters', () => {
    assert.deepEqual(parse('a\\=b\\:c\\ d=http\\://x\\:80\\t\\n\\u00e9\\\\u00e9\\q'), {
      'a=b:c d': ['http://x:80\t\n\u00e9\\u00e9q', 1],
    });
  });

  test('is UTF-8, with or without a mark, or else latin-1', () => {
    assert.deepEqual(parse(Buffer.from('\ufeffa=\u00e9\u4e2d')), { a: ['\u00e9\u4e2d', 1] });
    assert.deepEqual(parse(Buffer.from('a=\u00e9', 'latin1')), { a: ['\u00e9', 1] });
  });

  test('takes the last of a repeated key, and says so', () => {
    const { values, notes } = parseProperties(Buffer.from('a=1\nb=2\na=3\na=4'), 'c', {});
    assert.deepEqual(values.get('a'), { value: '4', line: 4 });
    assert.deepEqual(notes, [
      'c:3: a stands on line 1 too; this one counts',
      'c:4: a stands on line 3 too; this one counts',
    ]);
  });

  test('may have keys like those of every object', () => {
    assert.deepEqual(
      [...parseProperties(Buffer.from('__proto__=1\nconstructor=2'), 'c', {}).values.keys()],
      ['__proto__', 'constructor'],
    );
  });
});

suite('an environment variable in a value', () => {
  test('is filled in, once', () => {
    assert.deepEqual(parse('a=$$HOME$$/x:$$HOME$$\nb=$$MONEY$$\nc=$$EMPTY$$'), {
      a: ['/home/me/x:/home/me', 1],
      b: ['$$HOME$$ $&', 2],
      c: ['', 3],
    });
  });

  test('that is not there is named with file and line', () => {
    assert.equal(
      refusalOf(() => parse('a=1\nb=x $$NO_SUCH$$\n')),
      'Invalid configuration: dir/c.properties:2: Invalid Environment Variable NO_SUCH',
    );
  });

  test('is none without two dollars on both sides', () => {
    assert.deepEqual(parse('a=$HOME$\nb=$$\nc=$$$$\nd=$$HOME$'), {
      a: ['$HOME$', 1],
      b: ['$$', 2],
      c: ['$$$$', 3],
      d: ['$$HOME$', 4],
    });
  });
});

test('a broken escape is refused with file and line, as Java refuses it', () => {
  assert.equal(
    refusalOf(() => parse('a=1\nstore=C:\\users\\me\n')),
    'Invalid configuration: dir/c.properties:2: Malformed \\uxxxx encoding: "\\u" (a backslash is written \\\\)',
  );
  assert.equal(
    refusalOf(() => parse('a\\u12=1')),
    'Invalid configuration: dir/c.properties:1: Malformed \\uxxxx encoding: "\\u12" (a backslash is written \\\\)',
  );
  assert.deepEqual(parse('a=C:\\\\users'), { a: ['C:\\users', 1] });
});

suite('any bytes', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[ab=:\\ $#!u0\r\n\t]*$/),
    fc.constantFrom('a=$$X$$', '\\', '\\u12', 'a=\\\n', '\\\r\n', '!', '$$HOME$$=1'),
  );

  test('are parsed, or refused with file and line', () => {
    const content = fc.oneof(
      fc.array(line).map((lines) => Buffer.from(lines.join('\n'))),
      fc.uint8Array({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(content, (bytes) => {
        try {
          const { values } = parseProperties(bytes, 'f', environment);
          const lines = Buffer.from(bytes)
            .toString('latin1')
            .split(/\r\n|\r|\n/).length;
          for (const property of values.values()) {
            assert.ok(property.line >= 1 && property.line <= lines);
          }
        } catch (error) {
          assert.ok(error instanceof SconceError, String(error));
          assert.match(
            error.message,
            /^Invalid configuration: f:\d+: (Invalid Environment Variable|Malformed) /,
          );
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('that were written as a key and a value are read back', () => {
    const written = (text: string) =>
      [...text].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    const text = fc.string({ unit: 'binary-ascii' });
    fc.assert(
      fc.property(text, text, fc.nat(5), (key, value, blank) => {
        fc.pre(!value.includes('$$'));
        const content = `${'\n'.repeat(blank)}x${written(key)}=${written(value)}`;
        assert.deepEqual(parse(content), { [`x${key}`]: [value, blank + 1] });
      }),
    );
  });
});
