import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { classIds, labelsFrom, readLabels } from '../../src/handlers/labels.js';
import { temporaryFolder } from './text/text-folder.js';

suite('labels are read in every form that TorchServe knows', () => {
  for (const [form, value] of [
    ['a name for each class', { 0: 'tench', 1: 'goldfish' }],
    [
      'lists whose last element counts',
      { 0: ['n01440764', 'tench'], 1: ['n01443537', 'goldfish'] },
    ],
    ['names of objects', { object_type_names: ['tench', 'goldfish'] }],
    ['a plain list', ['tench', 'goldfish']],
  ] as const) {
    test(form, () => {
      const labels = readLabels(temporaryFolder({ 'index_to_name.json': value }));
      assert.deepEqual([labels?.labelOf(0), labels?.labelOf(1)], ['tench', 'goldfish']);
    });
  }
});

test('without a file there are none, and class ids stand for themselves', () => {
  assert.equal(readLabels(temporaryFolder({})), undefined);
  assert.equal(classIds.labelOf(7), '7');
});

test('a class without a label is an invalid output that names it', () => {
  const labels = labelsFrom({ 0: 'a', '01': 'b', __proto__: 'c' }, 'index_to_name.json');
  for (const id of [1, 2]) {
    assert.throws(() => labels.labelOf(id), {
      code: 'INVALID_OUTPUT',
      message: new RegExp(
        `class ${id} has no label in index_to_name\\.json, which names 2 classes`,
      ),
    });
  }
});

test('a wrong file says which label is wrong', () => {
  for (const [value, message] of [
    ['{"0": 1}', /^index_to_name\.json: the label of class "0" is a value of type number/],
    ['{"0": []}', /the label of class "0" is nothing/],
    ['{"0": ["a", null]}', /the label of class "0" is null/],
    ['null', /an object .* is expected, null came/],
    ['"a"', /a value of type string came/],
    ['{"0": ', /^index_to_name\.json: /],
    ['', /^index_to_name\.json: /],
  ] as const) {
    assert.throws(() => readLabels(temporaryFolder({ 'index_to_name.json': value })), {
      code: 'INVALID_CONFIGURATION',
      message,
    });
  }
});
