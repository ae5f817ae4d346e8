import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { alphaModel, fixtures } from './paths.js';

const caseSchema = Type.Object({
  inputs: Type.Record(Type.String(), Type.Array(Type.Unknown())),
  dtypes: Type.Record(Type.String(), Type.String()),
  outputs: Type.Optional(Type.Unknown()),
  /** The structure of the outputs: a text where a tensor stands. */
  outputDtypes: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.String()),
});

const alphaSchema = Type.Object({
  requests: Type.Array(Type.Array(Type.Number())),
  predictions: Type.Array(Type.Array(Type.Number())),
});

/** What PyTorch answers for a fixture model. */
export type ExpectedCase = Static<typeof caseSchema>;

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

const expected = Value.Parse(
  Type.Record(Type.String(), Type.Array(caseSchema)),
  readJson(join(fixtures, 'expected.json')),
);

/** The cases of expected.json for a model that PyTorch answers. */
export function answeredCases(name: string): ExpectedCase[] {
  const cases = expected[`${name}.pt`]?.filter((known) => known.error === undefined) ?? [];
  assert.ok(cases.length > 0, `expected.json has no case for ${name}.pt`);
  return cases;
}

/** Rows of the alpha model and what PyTorch predicts for them. */
export const alphaRows = Value.Parse(alphaSchema, readJson(join(alphaModel, 'expected.json')));

/** Compares nested lists and objects, numbers within `tolerance` relative to their size. */
export function assertClose(actual: unknown, wanted: unknown, tolerance = 1e-6, at = '$'): void {
  if (typeof wanted === 'number' && typeof actual === 'number') {
    const limit = tolerance * Math.max(1, Math.abs(wanted));
    assert.ok(Math.abs(actual - wanted) <= limit, `${at}: ${actual} is not close to ${wanted}`);
  } else if (Array.isArray(wanted)) {
    assert.ok(Array.isArray(actual), `${at}: ${JSON.stringify(actual)} is no array`);
    assert.equal(actual.length, wanted.length, `${at}: length`);
    for (const [i, value] of wanted.entries()) {
      assertClose(actual[i], value, tolerance, `${at}[${i}]`);
    }
  } else if (isObject(wanted)) {
    assert.ok(isObject(actual), `${at}: ${JSON.stringify(actual)} is no object`);
    assert.deepEqual(Object.keys(actual), Object.keys(wanted), `${at}: keys`);
    for (const [key, value] of Object.entries(wanted)) {
      assertClose(actual[key], value, tolerance, `${at}.${key}`);
    }
  } else {
    assert.deepEqual(actual, wanted, at);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One row of a batch of outputs: the first dimension of every leaf tensor taken at `row`. */
export function rowOf(outputs: unknown, row: number, structure: unknown): unknown {
  if (Array.isArray(structure) && Array.isArray(outputs)) {
    return outputs.map((output, i) => rowOf(output, row, structure[i]));
  }
  if (isObject(structure) && isObject(outputs)) {
    return Object.fromEntries(
      Object.entries(outputs).map(([key, value]) => [key, rowOf(value, row, structure[key])]),
    );
  }
  return Array.isArray(outputs) ? outputs[row] : undefined;
}
