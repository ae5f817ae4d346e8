import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileAllowedUrls } from '../../src/config/allowed-urls.js';
import { refusalOf } from './refusal.js';

const allows = (expressions: string[], url: string) =>
  compileAllowedUrls(expressions).some((expression) => expression.test(url));

test('allowed URLs match whole, and in either case', () => {
  const expressions = ['https://a\\.org/.*', 'file:///store/x|file:///store/y'];
  assert.ok(allows(expressions, 'https://a.org/m.mar'));
  assert.ok(allows(expressions, 'HTTPS://A.ORG/m.mar'));
  assert.ok(allows(expressions, 'file:///store/y'));
  for (const url of [
    ...['xhttps://a.org/m', 'https://a_org/m', 'file:///store/xx', 'file:///store/x\n'],
    ...['http://evil/?https://a.org/', ''],
  ]) {
    assert.ok(!allows(expressions, url), url);
  }
});

test('no expression allows no URL', () => {
  assert.ok(!allows([], 'file:///x'));
});

test('what is no regular expression is named', () => {
  for (const wrong of ['(', 'a)(b', '*', '(?i)x']) {
    assert.equal(
      refusalOf(() => compileAllowedUrls(['.*', wrong])),
      `${JSON.stringify(wrong)} is not a regular expression of JavaScript`,
    );
  }
});
