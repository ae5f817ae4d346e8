import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SconceError } from '../../../src/errors.js';
import {
  nativeFields,
  outputNamesProblem,
  planTensors,
  type TensorNames,
} from '../../../src/handlers/tensor/tensor-plan.js';
import type { NativeArgument, NativeModelDescription } from '../../../src/native/addon.js';
import { dtypeCode } from '../../../src/native/dtype.js';
import { describedModel } from '../../support/described-model.js';

const x: NativeArgument = { name: 'x', type: 'Tensor' };
const ids: NativeArgument = { name: 'ids', type: 'Tensor', dtype: dtypeCode('int64') };
const scale: NativeArgument = { name: 'scale', type: 'float', default: '2.0' };
const mask: NativeArgument = { name: 'mask', type: 'Optional[Tensor]', default: 'None' };

function refusal(names: TensorNames, description: NativeModelDescription): string {
  try {
    planTensors(names, description);
  } catch (error) {
    assert.ok(error instanceof SconceError);
    assert.equal(error.code, 'INVALID_CONFIGURATION');
    return error.message;
  }
  return assert.fail('it was accepted');
}

suite('without configuration', () => {
  test('names and dtypes come from the file, shapes from requests', () => {
    const plan = planTensors({}, describedModel(ids, x));
    assert.deepEqual(plan.fields, [
      { name: 'ids', dtype: 'int64', dims: null },
      { name: 'x', dtype: 'float32', dims: null },
    ]);
    assert.equal(plan.fixed, undefined);
    assert.equal(plan.outputNames, null);
    assert.equal(plan.text, 'ids: int64[n, …], x: float32[n, …]');
  });

  test('arguments with a default are left to it', () => {
    const { fields } = planTensors({}, describedModel(x, scale, mask));
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['x'],
    );
  });

  test('a model that needs something else than tensors is refused', () => {
    const size: NativeArgument = { name: 'size', type: 'int' };
    assert.match(
      refusal({}, describedModel(x, size)),
      /^forward requires the argument "size" of type int;/,
    );
    assert.match(refusal({}, describedModel()), /^forward requires no tensor; name the inputs/);
  });
});

suite('configuration', () => {
  test('gives names, dtypes and shapes', () => {
    const inputs = [
      { name: 'a', dtype: 'float16', shape: [2, 3] } as const,
      { name: 'b', shape: [] },
    ];
    const plan = planTensors({ inputs, outputs: [{ name: 'y' }] }, describedModel(x, ids));
    assert.deepEqual(plan.fixed, [
      { dtype: 'float16', dims: [2, 3] },
      { dtype: 'int64', dims: [] },
    ]);
    assert.deepEqual(plan.outputNames, ['y']);
    assert.equal(plan.text, 'a: float16[n, 2, 3], b: int64[n]');
    assert.deepEqual(nativeFields(plan), [
      { name: 'a', dtype: dtypeCode('float16'), dims: [2, 3] },
      { name: 'b', dtype: dtypeCode('int64'), dims: [] },
    ]);
  });

  test('with an open dimension or an open input leaves the shape to requests', () => {
    const open = planTensors({ inputs: [{ name: 'a', shape: [2, -1] }] }, describedModel(x));
    assert.equal(open.fixed, undefined);
    assert.equal(open.text, 'a: float32[n, 2, any]');
    const half = { inputs: [{ name: 'a', shape: [2] }, { name: 'b' }] };
    assert.equal(planTensors(half, describedModel(x, ids)).fixed, undefined);
  });

  test('may name tensors that have a default', () => {
    const inputs = [{ name: 'a' }, { name: 'b' }];
    assert.equal(planTensors({ inputs }, describedModel(x, mask)).fields.length, 2);
  });

  test('that contradicts the file is refused', () => {
    const one = [{ name: 'a' }];
    const two = [...one, { name: 'b' }];
    assert.match(
      refusal({ inputs: one }, describedModel(x, ids)),
      /forward takes 2 tensors \(x, ids\), the configuration names 1/,
    );
    assert.match(refusal({ inputs: two }, describedModel(x)), /the configuration names 2/);
    assert.match(
      refusal({ inputs: two }, describedModel(x, scale)),
      /"b" stands for the argument "scale" of type float/,
    );
    assert.match(
      refusal({ inputs: [...one, ...one] }, describedModel(x, ids)),
      /two fields have the same name/,
    );
    const huge = [{ name: 'a', shape: [2 ** 31 - 1, 2 ** 31 - 1] }];
    assert.match(refusal({ inputs: huge }, describedModel(x)), /too large to address/);
  });
});

suite('names of outputs', () => {
  const plan = planTensors({ outputs: [{ name: 'a' }, { name: 'b' }] }, describedModel(x));

  test('fit as many as the model returns', () => {
    assert.equal(outputNamesProblem(plan, { list: [0, { list: [1, 2] }] }), undefined);
    assert.equal(outputNamesProblem(planTensors({}, describedModel(x)), 0), undefined);
  });

  test('do not fit more or fewer', () => {
    assert.equal(
      outputNamesProblem(plan, 0),
      'the model returns 1 output, the configuration names 2 (a, b)',
    );
    assert.match(outputNamesProblem(plan, { list: [0, 1, 2] }) ?? '', /returns 3 outputs/);
  });

  test('are not needed by a dictionary', () => {
    assert.equal(outputNamesProblem(plan, { fields: [['mean', 0]] }), undefined);
  });
});

suite('the forms of inputs', () => {
  const text: NativeArgument = { name: 'text', type: 'Tensor', dtype: dtypeCode('int64') };
  const offsets: NativeArgument = { name: 'offsets', type: 'Tensor', dtype: dtypeCode('int64') };
  const images: NativeArgument = { name: 'images', type: 'List[Tensor]' };
  const bag = describedModel(text, offsets);

  test('offsets are not a field of requests', () => {
    const plan = planTensors(
      {
        inputs: [
          { name: 'tokens', form: 'joined', shape: [-1] },
          { name: 'offsets', form: 'offsets' },
        ],
      },
      bag,
    );
    assert.deepEqual(plan.fields, [{ name: 'tokens', dtype: 'int64', dims: [-1] }]);
    assert.equal(plan.text, 'tokens: int64[n, any]');
  });

  test('what comes after offsets keeps the dtype of its own argument', () => {
    const weights: NativeArgument = { name: 'w', type: 'Tensor', dtype: dtypeCode('float64') };
    const inputs = [
      { name: 'text', form: 'joined' as const },
      { name: 'offsets', form: 'offsets' as const },
      { name: 'w', shape: [2] },
    ];
    assert.deepEqual(planTensors({ inputs }, describedModel(text, offsets, weights)).fields, [
      { name: 'text', dtype: 'int64', dims: null },
      { name: 'w', dtype: 'float64', dims: [2] },
    ]);
  });

  test('a list of tensors is an input as any other', () => {
    const targets: NativeArgument = {
      name: 'targets',
      type: 'Optional[List[Dict[str, Tensor]]]',
      default: 'None',
    };
    const description = describedModel(images, targets);
    assert.deepEqual(planTensors({}, description).fields, [
      { name: 'images', dtype: 'float32', dims: null },
    ]);
    assert.deepEqual(
      planTensors({ inputs: [{ name: 'image', shape: [3, 8, 8] }] }, description).fixed,
      [{ dtype: 'float32', dims: [3, 8, 8] }],
    );
  });

  test('forms that no rows can take are refused', () => {
    const cases: [NonNullable<TensorNames['inputs']>, NativeModelDescription, RegExp][] = [
      [
        [{ name: 'a', form: 'offsets' }, { name: 'b' }],
        bag,
        /"a" needs an input of the form joined/,
      ],
      [
        [{ name: 'a' }, { name: 'b', form: 'offsets' }],
        bag,
        /"b" needs an input of the form joined/,
      ],
      [[{ name: 'a', form: 'joined', shape: [] }, { name: 'b' }], bag, /no dimension/],
      [
        [
          { name: 'a', form: 'joined' },
          { name: 'b', form: 'offsets', shape: [3] },
        ],
        bag,
        /"b" holds the offsets of "a"/,
      ],
      [
        [
          { name: 'a', form: 'joined' },
          { name: 'b', form: 'offsets', dtype: 'int32' },
        ],
        bag,
        /leave out its shape and dtype/,
      ],
      [[{ name: 'a', form: 'joined' }], describedModel(images), /takes a List\[Tensor\]/],
    ];
    for (const [inputs, description, message] of cases) {
      assert.match(refusal({ inputs }, description), message);
    }
  });
});
