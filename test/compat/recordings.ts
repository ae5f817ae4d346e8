import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { root } from '../support/paths.js';
import type { Answer } from './answer.js';
import type { Scenario } from './compat-case.js';

/** Answers of TorchServe 0.12.0, one file for each scenario. */
export const recordedFolder = join(root, 'test/compat/recorded');

const recordingSchema = Type.Record(
  Type.String(),
  Type.Object({
    status: Type.String(),
    headers: Type.Array(Type.String()),
    body: Type.Union([Type.Array(Type.String()), Type.Object({ sameAs: Type.String() })]),
    closed: Type.Boolean(),
  }),
);

/** Lines from which on a body that was recorded already is not written again. */
const longBody = 50;

/** The recording that has TorchServe's answers to a scenario. */
export function recordingOf({ name, answeredAs }: Scenario): string {
  return answeredAs ?? name;
}

/** What TorchServe answered to the cases of a scenario, by their names. */
export function readRecording(scenario: string): Map<string, Answer> {
  const text = readFileSync(recordingPath(scenario), 'utf8');
  const recorded = Value.Parse(recordingSchema, JSON.parse(text));
  const answers = new Map<string, Answer>();
  for (const [name, { body, ...rest }] of Object.entries(recorded)) {
    const lines = Array.isArray(body) ? body : (answers.get(body.sameAs)?.body ?? []);
    answers.set(name, { ...rest, body: lines });
  }
  return answers;
}

export function writeRecording(scenario: string, answers: ReadonlyMap<string, Answer>): void {
  const names = new Map<string, string>();
  const recorded: Record<string, Static<typeof recordingSchema>[string]> = {};
  for (const [name, answer] of answers) {
    const text = answer.body.join('\n');
    const sameAs = answer.body.length >= longBody ? names.get(text) : undefined;
    recorded[name] = sameAs === undefined ? answer : { ...answer, body: { sameAs } };
    if (!names.has(text)) names.set(text, name);
  }
  writeFileSync(recordingPath(scenario), `${JSON.stringify(recorded, null, 2)}\n`);
}

function recordingPath(scenario: string): string {
  return join(recordedFolder, `${scenario}.json`);
}
