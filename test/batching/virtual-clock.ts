import type { Alarm, Clock } from '../../src/batching/clock.js';

interface VirtualAlarm extends Alarm {
  at: number;
  sequence: number;
  callback: () => void;
}

/** Time that passes when a test says so. */
export class VirtualClock implements Clock {
  #now = 1000;
  #nextSequence = 0;
  readonly #alarms = new Set<VirtualAlarm>();
  #turn: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): Alarm {
    const alarm: VirtualAlarm = {
      at: this.#now + milliseconds,
      sequence: this.#nextSequence++,
      callback,
      cancel: () => this.#alarms.delete(alarm),
    };
    this.#alarms.add(alarm);
    return alarm;
  }

  atEndOfTurn(callback: () => void): void {
    this.#turn.push(callback);
  }

  /** Lets turns of the event loop pass until nobody waits for one. */
  turn(): void {
    while (this.#turn.length > 0) for (const callback of this.#turn.splice(0)) callback();
  }

  /** Lets time pass, alarm by alarm, each with the turns that follow it. */
  advance(milliseconds: number): void {
    this.advanceTo(this.#now + milliseconds);
  }

  /** As advance(), to a moment. */
  advanceTo(end: number): void {
    this.turn();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      this.turn();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(end: number): VirtualAlarm | undefined {
    let next: VirtualAlarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue;
      const isSooner =
        next === undefined ||
        alarm.at < next.at ||
        (alarm.at === next.at && alarm.sequence < next.sequence);
      if (isSooner) next = alarm;
    }
    return next;
  }
}
