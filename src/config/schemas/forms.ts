import { Type } from 'typebox';

/** Settings whose schemas differ only in default, bounds and description. */

/** Text that may be absent. */
export const optionalText = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, description }));

/** Text that has a default. */
export const text = (
  fallback: string,
  description: string,
  more: { minLength?: number; secret?: boolean } = {},
) => Type.String({ minLength: 1, default: fallback, description, ...more });

/** A flag that is off, or on, unless it is given. */
export const toggle = (fallback: boolean, description: string) =>
  Type.Boolean({ default: fallback, description });

/**
 * A setting of TorchServe's that is on or off. In text, what is neither `true` nor `false` is off,
 * as Java reads it.
 */
export const forgivingToggle = (
  fallback: boolean,
  description: string,
  more: { override?: string | false } = {},
) => Type.Boolean({ default: fallback, description, forgiving: true, ...more });

/** A whole number between two bounds. */
export const integer = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description });

/** A time of more than no seconds, at most a day unless told. */
export const seconds = (fallback: number, description: string, more: { maximum?: number } = {}) =>
  Type.Number({ exclusiveMinimum: 0, maximum: 86_400, default: fallback, description, ...more });

/** A time in seconds that may be none, at most a day. */
export const secondsOrNone = (fallback: number, description: string) =>
  Type.Number({ minimum: 0, maximum: 86_400, default: fallback, description });
