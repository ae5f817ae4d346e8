import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { closeOpenModels, fixture, OpenModel } from './open-model.js';

after(closeOpenModels);

const numbers = Type.Array(Type.Number());

/** See make_vision_operators.py. */
const golden = Value.Parse(
  Type.Object({
    nms: Type.Array(
      Type.Object({
        boxes: Type.Array(numbers),
        scores: numbers,
        threshold: Type.Number(),
        places: numbers,
      }),
    ),
    roiAlign: Type.Array(
      Type.Object({
        features: Type.Array(numbers),
        dims: numbers,
        regions: Type.Array(numbers),
        options: numbers,
        pooled: Type.Array(numbers),
      }),
    ),
  }),
  JSON.parse(
    readFileSync(
      fileURLToPath(new URL('../../../test/fixtures/vision_operators.json', import.meta.url)),
      'utf8',
    ),
  ),
);

interface RowInput {
  dims: number[];
  /** Of all rows. */
  values: readonly number[];
}

/** Runs one batch of float32 inputs; the elements of the only output, as many for each row. */
async function run(
  model: OpenModel,
  rows: number,
  inputs: readonly RowInput[],
  perRow: number,
): Promise<number[]> {
  const specs = inputs.map(({ dims }) => ({ dtype: 'float32' as const, dims }));
  const slab = model.addSlab(specs, Math.max(rows, 1), perRow * rows * 4);
  try {
    const first = slab.reserve(rows);
    for (const [i, { values }] of inputs.entries()) slab.floats(i, first, rows).set(values);
    slab.commit(first, rows);
    const event = await model.run(slab);
    const [failure] = event.errors ?? [];
    if (failure !== undefined) throw new Error(`${failure.code}: ${failure.message}`);
    return [...slab.output(event, perRow)];
  } finally {
    model.model.removeSlab(slab.id);
  }
}

suite('torchvision::nms', () => {
  let model: OpenModel;
  before(async () => {
    model = await OpenModel.load(fixture('suppressed.pt'));
  });

  /** The place of each box among those that are kept, -1 for the others. */
  function nms(boxes: readonly number[][], scores: number[], threshold: number): Promise<number[]> {
    const rows = scores.length;
    return run(
      model,
      rows,
      [
        { dims: [4], values: boxes.flat() },
        { dims: [], values: scores },
        { dims: [], values: Array<number>(rows).fill(threshold) },
      ],
      1,
    );
  }

  for (const { boxes, scores, threshold, places } of golden.nms) {
    test(`keeps the same of ${boxes.length} boxes at ${threshold} as its definition`, async () => {
      assert.deepEqual(await nms(boxes, scores, threshold), places);
    });
  }

  test('agrees with a plain one on any numbers', async () => {
    const coordinate = fc.oneof(
      fc.integer({ min: -3, max: 12 }),
      fc.constantFrom(0.5, 1e30, -1e30, Infinity, -Infinity, Number.NaN),
    );
    const score = fc.constantFrom(0, 0.25, 0.5, 1, -1, Infinity, -Infinity, Number.NaN);
    const box = fc.tuple(coordinate, coordinate, coordinate, coordinate);
    const scene = fc.array(fc.tuple(box, score), { minLength: 1, maxLength: 30 });
    const threshold = fc.constantFrom(0, 0.25, 0.5, 1, -1, Number.NaN);
    await fc.assert(
      fc.asyncProperty(scene, threshold, async (entries, limit) => {
        const boxes = entries.map(([corners]) => corners);
        const scores = entries.map(([, value]) => value);
        assert.deepEqual(await nms(boxes, scores, limit), plainNms(boxes, scores, limit));
      }),
      { numRuns: 200 },
    );
  });

  test('refuses what are no boxes', async () => {
    const one = { dims: [], values: [1] };
    for (const dims of [[], [3], [5], [4, 4], [0]]) {
      const values = Array<number>(dims.reduce((product, dim) => product * dim, 1)).fill(0);
      await assert.rejects(
        run(model, 1, [{ dims, values }, one, one], 1),
        /MODEL_FAILED: .*nms: boxes must have the shape \[n, 4\], not \[1/,
      );
    }
    const box = { dims: [4], values: [0, 0, 1, 1] };
    const scores = { dims: [2], values: [1, 1] };
    await assert.rejects(
      run(model, 1, [box, scores, one], 1),
      /nms: scores must have the shape \[1\], one for each box, not \[1, 2\]/,
    );
  });
});

suite('torchvision::roi_align', () => {
  let model: OpenModel;
  before(async () => {
    model = await OpenModel.load(fixture('pooled.pt'));
  });

  /** All rows of the answer. `options`: height, width, scale, samples, aligned, half. */
  function roiAlign(
    features: RowInput,
    regions: readonly number[][],
    options: readonly number[],
  ): Promise<number[]> {
    const rows = regions.length;
    const perRow = (features.dims[0] ?? 0) * (options[0] ?? 0) * (options[1] ?? 0);
    return run(
      model,
      rows,
      [
        features,
        { dims: [regions[0]?.length ?? 0], values: regions.flat() },
        { dims: [6], values: regions.flatMap(() => options) },
      ],
      Math.max(perRow, 0),
    );
  }

  for (const { features, dims, regions, options, pooled } of golden.roiAlign) {
    const input = { dims, values: features.flat() };
    test(`pools as its definition with the options ${options}`, async () => {
      close(await roiAlign(input, regions, [...options, 0]), pooled.flat(), 2e-6);
    });
    test(`pools float16 with the options ${options}`, async () => {
      // Coordinates and features are rounded to 11 bits.
      close(await roiAlign(input, regions, [...options, 1]), pooled.flat(), 3e-2);
    });
  }

  const ones = { dims: [1, 4, 4], values: Array<number>(16).fill(1) };

  test('adds zeros for what lies outside, and for regions that are not finite', async () => {
    const regions = [
      [0, -99, -99, -90, -90],
      [0, 50, 0, 60, 4],
      [0, Number.NaN, 0, 4, 4],
      [0, 0, 0, Infinity, 4],
      [0, 0, -Infinity, 4, 4],
      [0, -3e38, 0, 3e38, 4],
    ];
    for (const samples of [0, 2]) {
      for (const region of regions) {
        assert.deepEqual(await roiAlign(ones, [region], [1, 1, 1, samples, 0, 0]), [0]);
      }
    }
  });

  test('refuses an image that is not there', async () => {
    for (const image of [-1, 1, 1e30, -1e30, Number.NaN, Infinity]) {
      await assert.rejects(
        roiAlign(ones, [[image, 0, 0, 1, 1]], [1, 1, 1, 2, 0, 0]),
        /MODEL_FAILED: .*roi_align: rois\[0\] is of the image .* of 1/,
      );
    }
  });

  test('refuses regions that would take forever', async () => {
    for (const [end, samples] of [
      [1e30, 0],
      [4, 2e9],
      [3e6, -1],
    ] as const) {
      await assert.rejects(
        roiAlign(ones, [[0, 0, 0, end, 4]], [1, 1, 1, samples, 1, 0]),
        /roi_align: a region from 0 to .* needs more than 2\^20 samples/,
      );
    }
  });

  test('refuses shapes of another kind', async () => {
    const region = [[0, 0, 0, 1, 1]];
    const one = [1, 1, 1, 1, 0, 0];
    await assert.rejects(
      roiAlign({ dims: [4, 4], values: ones.values }, region, one),
      /the input must have the shape \[n, channels, height, width\], not \[1, 4, 4\]/,
    );
    await assert.rejects(roiAlign(ones, [[0, 0, 0, 1]], one), /rois must have the shape \[k, 5\]/);
    await assert.rejects(
      roiAlign({ dims: [1, 0, 4], values: [] }, region, one),
      /roi_align: the input is empty: \[1, 1, 0, 4\]/,
    );
    await assert.rejects(
      roiAlign(ones, region, [-1, 1, 1, 1, 0, 0]),
      /roi_align: there cannot be -1 x 1 bins/,
    );
  });

  test('more bins than memory has places for fail alone', async () => {
    const options = [1e9, 1e9, 1, 1, 0, 0];
    const inputs = [ones, { dims: [5], values: [0, 0, 0, 1, 1] }, { dims: [6], values: options }];
    await assert.rejects(run(model, 1, inputs, 1), /OUT_OF_MEMORY: /);
  });

  test('gives an empty answer for no bins and for no channels', async () => {
    const region = [[0, 0, 0, 1, 1]];
    assert.deepEqual(await roiAlign(ones, region, [0, 3, 1, 1, 0, 0]), []);
    assert.deepEqual(
      await roiAlign({ dims: [0, 4, 4], values: [] }, region, [1, 1, 1, 1, 0, 0]),
      [],
    );
  });
});

/** In float32 and in the order of the operator, but without sorting anything beforehand. */
function plainNms(boxes: readonly number[][], scores: readonly number[], threshold: number) {
  const f = Math.fround;
  const key = (i: number) => {
    const score = scores[i] ?? 0;
    return Number.isNaN(score) ? [1, 0] : [0, score];
  };
  const open = new Set(scores.keys());
  const places = Array<number>(scores.length).fill(-1);
  for (let place = 0; open.size > 0; place += 1) {
    // Sets keep their order: of equal scores the first stays.
    const best = [...open].reduce((a, b) => (less(key(a), key(b)) ? b : a));
    open.delete(best);
    places[best] = place;
    for (const other of open) {
      if (overlap(boxes[best] ?? [], boxes[other] ?? []) > threshold) open.delete(other);
    }
  }
  return places;

  function less([nanA = 0, a = 0]: number[], [nanB = 0, b = 0]: number[]): boolean {
    return nanA === nanB ? a < b : nanA < nanB;
  }
  function overlap(a: number[], b: number[]): number {
    const [ax1 = 0, ay1 = 0, ax2 = 0, ay2 = 0] = a.map(f);
    const [bx1 = 0, by1 = 0, bx2 = 0, by2 = 0] = b.map(f);
    const width = larger(0, f(smaller(ax2, bx2) - larger(ax1, bx1)));
    const height = larger(0, f(smaller(ay2, by2) - larger(ay1, by1)));
    const shared = f(width * height);
    const area = f(f(ax2 - ax1) * f(ay2 - ay1));
    const otherArea = f(f(bx2 - bx1) * f(by2 - by1));
    return f(shared / f(f(area + otherArea) - shared));
  }
  // As std::max and std::min: the first operand where they cannot be compared.
  function larger(a: number, b: number): number {
    return a < b ? b : a;
  }
  function smaller(a: number, b: number): number {
    return b < a ? b : a;
  }
}

function close(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of actual.entries()) {
    const difference = Math.abs(value - (expected[i] ?? Number.NaN));
    assert.ok(difference <= tolerance, `[${i}] is ${value}, expected ${expected[i]}`);
  }
}
