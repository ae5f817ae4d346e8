import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AllowedUrls, isUrlShaped, refuseRelative } from '../../src/archive/allowed-urls.js';

const everything = new AllowedUrls(['file://.*|http(s)?://.*']);

test('knows a URL by its scheme', () => {
  for (const url of ['http://a', 'HTTPS://a', 'file:///a', 's3://a/b', 'x+y-z.1://']) {
    assert.ok(isUrlShaped(url), url);
  }
  for (const url of [
    'a.mar',
    '/a/b.mar',
    'http:/a',
    'a b://c',
    '://a',
    '1a://b',
    ' http://a',
    '',
  ]) {
    assert.ok(!isUrlShaped(url), url);
  }
});

for (const url of [
  '..',
  '../a.mar',
  'a/../b.mar',
  'a..mar',
  'http://h/../a.mar',
  'http://h/%2e%2e/a.mar',
  'http://h/.%2E/a.mar',
  'http://h/%252e%252E/a.mar',
  'http://h/%25%32%65./a.mar',
  'http://h/.\t./a.mar',
  'http://h/.%0a./a.mar',
  'file:///models/%2e%2e/etc/passwd',
  'http://h/a.mar?x=..',
]) {
  test(`refuses ${JSON.stringify(url)} as relative`, () => {
    assert.throws(() => refuseRelative(url), {
      code: 'RELATIVE_URL',
      message: `Relative path is not allowed in url: ${url}`,
    });
  });
}

test('one dot is not relative', () => {
  for (const url of ['a.b.mar', './a', 'http://h/./a%2emar', 'http://h/100%.mar', '%']) {
    refuseRelative(url);
  }
});

function assertRefused(allowed: AllowedUrls, url: string, base?: URL, shown = url): void {
  assert.throws(() => allowed.check(url, base), {
    code: 'URL_NOT_ALLOWED',
    message: `Given URL ${shown} does not match any allowed URL(s)`,
  });
}

test('by default any http, https and file URL is allowed, and no other', () => {
  for (const url of ['http://h/a.mar', 'https://h/a', 'file:///a', 'HTTP://H/A']) {
    assert.equal(everything.check(url).href, new URL(url).href);
  }
  for (const url of ['ftp://h/a', 's3://h/a', 'data://h', 'httpx://h/a']) {
    assertRefused(everything, url);
  }
});

test('no pattern allows nothing', () => assertRefused(new AllowedUrls([]), 'http://h/a.mar'));

test('a pattern must match the whole, in any letter case', () => {
  const allowed = new AllowedUrls(['https://good\\.com/models/.*\\.mar', 'http://a|http://b/']);
  assert.equal(
    allowed.check('HTTPS://GOOD.com/MODELS/x.MAR').href,
    'https://good.com/MODELS/x.MAR',
  );
  assert.equal(allowed.check('http://b/').href, 'http://b/');
  for (const url of [
    'https://good.com/models/x.mar2',
    'xhttps://good.com/models/x.mar',
    'https://goodxcom/models/x.mar',
    'https://evil.com/?https://good.com/models/x.mar',
    'https://good.com/models/x\n.mar',
    'http://b/c',
    'http://ab/',
  ]) {
    assertRefused(allowed, url);
  }
});

for (const url of [
  'http://good@evil/a.mar',
  'http://good:pass@evil/a.mar',
  'http://good%40evil@evil2/a.mar',
  'http://good\\@evil/',
  'http:/\\evil/',
  'http://evil/a.mar#http://good/a.mar',
  'http://evil\\@good/a.mar',
  'http://evil#@good/a.mar',
  'http://evil?@good/a.mar',
]) {
  test(`a pattern for one host lets no other in as ${JSON.stringify(url)}`, () => {
    for (const pattern of ['http://good[^/]*/.*', 'http://good.*']) {
      let host = 'refused';
      try {
        host = new AllowedUrls([pattern]).check(url).hostname;
      } catch {}
      assert.ok(['refused', 'good'].includes(host), host);
    }
  });
}

test('what is behind the # does not count', () => {
  const allowed = new AllowedUrls(['.*\\.mar']);
  assertRefused(allowed, 'http://evil/x#.mar');
  assert.equal(everything.check('http://h/x.mar#y').href, 'http://h/x.mar');
});

test('what is no URL at all is not allowed', () => {
  assertRefused(new AllowedUrls(['.*']), 'http://[');
  assertRefused(new AllowedUrls(['.*']), 'http://a b/');
});

test('a relative redirect counts as what it means', () => {
  const allowed = new AllowedUrls(['http://good/.*']);
  const base = new URL('http://good/a/b.mar');
  assert.equal(allowed.check('/c.mar', base).href, 'http://good/c.mar');
  assert.equal(allowed.check('c.mar', base).href, 'http://good/a/c.mar');
  assertRefused(allowed, '//evil/c.mar', base, 'http://evil/c.mar');
  assertRefused(allowed, 'http://evil/c.mar', base);
  assertRefused(allowed, 'file:///etc/passwd', base);
});

test('says which pattern is no regular expression', () => {
  for (const pattern of ['(', ')|(', 'a)(b', '[']) {
    assert.throws(() => new AllowedUrls(['.*', pattern]), {
      code: 'INVALID_CONFIGURATION',
      message: `${JSON.stringify(pattern)} is not a regular expression of JavaScript`,
    });
  }
});
