import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { SetupError } from '../../lib/setup-error.mjs';

const patience = 10_000;
const outputKept = 4000;

/** Every process that the benchmark starts, so that none outlives it. */
export class Children {
  #running = new Set();
  #others = new Set();
  #stopping = false;

  /**
   * Starts a process. Its stderr is kept in `child.errorText` for messages.
   *
   * @param {string} command
   * @param {string[]} args
   * @param {import('node:child_process').SpawnOptions} [options]
   */
  start(command, args, options = {}) {
    if (this.#stopping) throw new SetupError('Stopped.');
    // A group of its own: what it has started itself, and leaves behind, can be ended with it.
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      ...options,
    });
    this.#running.add(child);
    child.errorText = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      child.errorText = (child.errorText + text).slice(-outputKept);
    });
    // A process that is gone is noticed by its exit, not by what cannot be written to it.
    child.stdin.on('error', () => {});
    child.once('error', (error) => {
      child.errorText += error.message;
      this.#running.delete(child);
    });
    child.once('exit', () => {
      this.#running.delete(child);
      killGroup(child);
    });
    return child;
  }

  /** True when a signal has ended the benchmark. */
  get stopping() {
    return this.#stopping;
  }

  /** Asks a process to end, and ends it when it does not. */
  async stop(child) {
    if (!this.#running.has(child)) return;
    const ended = once(child, 'exit');
    const timer = setTimeout(() => killGroup(child), patience);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
    // What it has started itself may still hold the other ends.
    for (const stream of child.stdio) stream?.destroy();
  }

  /**
   * Takes over what was started elsewhere and ends itself with this process.
   *
   * @param {() => Promise<void>} stop
   */
  adopt(stop) {
    this.#others.add(stop);
  }

  async stopAll() {
    const others = [...this.#others];
    this.#others.clear();
    await Promise.all([
      ...[...this.#running].map((child) => this.stop(child)),
      ...others.map((stop) => stop()),
    ]);
  }

  /** For when there is no time to ask. */
  killAll() {
    for (const child of this.#running) killGroup(child);
  }

  /** Ctrl-C and its like end the children first; a second one does not wait for them. */
  stopOnSignals() {
    process.once('exit', () => this.killAll());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, async () => {
        if (!this.#stopping) {
          this.#stopping = true;
          console.error('\nStopping: the round that is under way is not written.');
          await this.stopAll();
        }
        process.exit(128 + constants.signals[signal]);
      });
    }
  }
}

function killGroup({ pid }) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
