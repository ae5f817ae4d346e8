import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../lib/root.mjs';
import { BoundedText } from './bounded-text.mjs';
import { emptyReport, verdictOf } from './empty-report.mjs';
import { execute, killAll } from './execute.mjs';
import { redactor } from './redact.mjs';
import { writeReport } from './report.mjs';
import { secondsFor } from './schedule.mjs';

/** Seconds at the end for what is written last. */
const reserve = 15;

/** Characters of each end that are kept: of what one command prints, and of all that a step does. */
const kept = { command: 8000, step: 25_000, failures: 50 };

/** All that is ever written to the folder of the report. */
const filesOfReport = [
  ...['report.md', 'report.json', 'steps.log', 'sanitizer.log'],
  ...['cuda-launch.json', 'cuda-resnet18.json'],
];

/**
 * Runs steps one after the other. None stops the others, and the report is written before and after
 * each, so that it stands whatever ends this process.
 *
 * @param {import('./options.mjs').CheckOptions} options
 * @param {readonly import('./steps.mjs').Step[]} steps all there are
 * @param {string} device
 * @returns {Promise<import('./empty-report.mjs').Report>}
 */
export async function runCheck(options, steps, device) {
  const check = new Check(options, device);
  const chosen = steps.filter(({ name }) => options.steps.includes(name));
  return await check.run(chosen);
}

class Check {
  #redact = redactor();
  #logs = new Map();
  #interrupted = false;

  constructor(options, device) {
    this.options = options;
    this.device = device;
    this.end = performance.now() + (options.seconds - reserve) * 1000;
    this.folder = mkdtempSync(join(tmpdir(), 'sconce-gpu-check-'));
    mkdirSync(options.out, { recursive: true });
    // What an earlier run left is none of this one's.
    for (const name of filesOfReport) rmSync(join(options.out, name), { force: true });
  }

  async run(steps) {
    this.report = await emptyReport(this.options, this.device, steps);
    const stopListening = this.#listen();
    this.#write();
    try {
      for (const [i, step] of steps.entries()) {
        if (!this.#interrupted) await this.#take(step, steps.slice(i + 1), this.report.steps[i]);
      }
    } finally {
      stopListening();
      rmSync(this.folder, { recursive: true, force: true });
    }
    this.report.verdict = this.#interrupted ? 'interrupted' : verdictOf(this.report.steps);
    this.#write();
    return this.report;
  }

  async #take(step, following, record) {
    const seconds = secondsFor(step, following, (this.end - performance.now()) / 1000);
    Object.assign(record, { outcome: 'running', limit: seconds });
    console.log(`${step.name}: up to ${seconds} s`);
    this.#write();
    const begin = performance.now();
    const result = this.#reasonToSkip(step, seconds) ?? (await this.#attempt(step, seconds));
    record.seconds = Math.round((performance.now() - begin) / 100) / 10;
    const { figures = [], failures = [], facts = {}, outcome, summary } = result;
    const shown = failures
      .slice(0, kept.failures)
      .map(({ title, text }) => ({ title, text: bounded(text) }));
    Object.assign(record, { outcome, summary, facts, failures: shown });
    for (const figure of figures) this.#place(figure);
    console.log(`${step.name}: ${outcome} after ${record.seconds} s: ${summary}`);
    this.#write();
  }

  #reasonToSkip(step, seconds) {
    if (seconds === 0) return { outcome: 'skipped', summary: 'no time was left' };
    if (!step.needsBuild) return undefined;
    const build = this.report.steps.find(({ name }) => name === 'build');
    if (build !== undefined && build.outcome !== 'passed') {
      return { outcome: 'skipped', summary: 'there is no build' };
    }
    if (existsSync(join(root, 'build/Release/sconce.node'))) return undefined;
    return { outcome: 'skipped', summary: 'nothing is built: leave the step build in' };
  }

  async #attempt(step, seconds) {
    const end = performance.now() + seconds * 1000;
    const log = new BoundedText(kept.step);
    this.#logs.set(step.name, log);
    const context = {
      ...{ name: step.name, device: this.device, folder: this.folder, seconds },
      keep: (name, text) => writeFileSync(join(this.options.out, name), this.#redact(text)),
      execute: (command, args, options) => this.#execute(log, end, command, args, options),
    };
    try {
      return await step.run(context);
    } catch (error) {
      const summary = `the step itself failed: ${error.message}`;
      return { outcome: 'failed', summary, failures: [{ title: summary, text: error.stack }] };
    }
  }

  async #execute(log, end, command, args, { env = {}, seconds = Number.POSITIVE_INFINITY } = {}) {
    const left = Math.max(0.1, Math.min(seconds, (end - performance.now()) / 1000));
    const output = new BoundedText(kept.command);
    log.add(`\n$ ${[command, ...args].join(' ')}\n`);
    const ended = await execute(command, args, {
      ...{ cwd: root, env: { ...process.env, ...env }, seconds: left },
      onText: (text) => {
        output.add(text);
        log.add(text);
      },
    });
    const how = ended.timedOut ? `stopped after ${left.toFixed(0)} s` : `exit code ${ended.code}`;
    log.add(`\n[${how}]\n`);
    return { ...ended, output: output.toString() };
  }

  #place(figure) {
    const { figures } = this.report;
    const place = figures.findIndex(({ id }) => id === figure.id);
    if (place === -1) figures.push(figure);
    else figures[place] = figure;
  }

  #write() {
    const logs = [...this.#logs].map(([name, log]) => `=== ${name}\n${log}`);
    writeReport(this.options.out, this.report, logs.join('\n'), this.#redact);
  }

  /** A signal ends the step under way, and what was found until then is written. */
  #listen() {
    const stop = () => {
      this.#interrupted = true;
      killAll();
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, stop);
    return () => {
      for (const signal of signals) process.off(signal, stop);
    };
  }
}

function bounded(text) {
  const shown = new BoundedText(kept.command / 2);
  shown.add(text ?? '');
  return shown.toString();
}
