import type { DeviceChoice } from './device.js';

/**
 * Deals the GPUs of the machine out to the instances of all models, in turn, as TorchServe does with
 * its workers: models of one instance do not all lie on the first GPU.
 */
export class DevicePlacement {
  /** Instances that were dealt out so far. */
  #dealt = 0;

  /**
   * The devices of a version, in the order in which its instances get them.
   *
   * @param instances that it begins with
   */
  place({ devices, inTurn }: DeviceChoice, instances: number): readonly string[] {
    if (!inTurn) return devices;
    const first = this.#dealt % devices.length;
    this.#dealt += instances;
    return [...devices.slice(first), ...devices.slice(0, first)];
  }
}

/** The device of an instance, by its place among those of its version, the oldest first. */
export function deviceAt(devices: readonly string[], place: number): string {
  return devices[place % devices.length] ?? 'cpu';
}
